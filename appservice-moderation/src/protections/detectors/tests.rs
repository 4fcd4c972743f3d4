//! What each protection finds, and what it passes over.

use ruma::{event_id, room_id, server_name, user_id};
use serde_json::{Value, json};

use super::*;
use crate::event::Event;

const START: i64 = 1_000_000_000;

/// A room in which things happen, second by second.
struct Room {
    detectors: Detectors,
    settings: Protections,
    standing: Standing,
    now: i64,
    count: u32,
}

impl Room {
    fn new(change: impl FnOnce(&mut Protections)) -> Self {
        let mut settings = Protections::default();
        change(&mut settings);
        Self { detectors: Detectors::default(), settings, standing: Standing::default(), now: START, count: 0 }
    }

    fn wait(&mut self, seconds: i64) {
        self.now += seconds * 1000;
    }

    fn event(&mut self, sender: &str, kind: &str, state_key: Option<&str>, content: Value) -> Vec<Finding> {
        self.count += 1;
        let event: Event = serde_json::from_value(json!({
            "event_id": format!("${}", self.count),
            "room_id": "!room:here.test",
            "sender": sender,
            "type": kind,
            "state_key": state_key,
            "content": content,
            "origin_server_ts": self.now,
        }))
        .expect("an event");
        let sight = Sight::of(&event, server_name!("here.test"), self.now);
        self.detectors.see(&sight, &self.standing, &self.settings, self.now)
    }

    fn say(&mut self, sender: &str, content: Value) -> Vec<Finding> {
        self.event(sender, "m.room.message", None, content)
    }

    fn join(&mut self, user: &str) -> Vec<Finding> {
        self.event(user, "m.room.member", Some(user), json!({ "membership": "join" }))
    }
}

fn names(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.protection.name()).collect()
}

const BOB: &str = "@bob:there.test";

#[test]
fn a_flood_is_found_once_and_what_follows_belongs_to_it() {
    let mut room = Room::new(|settings| settings.flood.events = 3);
    for _ in 0..3 {
        assert!(room.say(BOB, json!({ "body": "a" })).is_empty());
    }

    let found = room.say(BOB, json!({ "body": "b" }));
    let more = room.event(BOB, "m.room.encrypted", None, json!({}));

    assert_eq!((names(&found), found[0].events.len(), found[0].is_more), (vec!["flood"], 4, false));
    assert_eq!((more[0].events.len(), more[0].is_more), (1, true));
    assert_eq!(found[0].cause, more[0].cause);
    room.wait(120);
    assert!(room.say(BOB, json!({ "body": "c" })).is_empty());
}

#[test]
fn who_writes_slowly_does_not_flood() {
    let mut room = Room::new(|settings| settings.flood.events = 3);

    for _ in 0..50 {
        assert!(room.say(BOB, json!({ "body": "a" })).is_empty());
        room.wait(20);
    }
}

#[test]
fn who_is_exempt_or_turned_off_is_not_looked_at() {
    for change in [
        (|settings: &mut Protections| settings.flood.mode = Mode::Off) as fn(&mut Protections),
        |settings| settings.flood.exempt.users = vec!["@bob:*".to_owned()].into(),
        |settings| settings.flood.exempt.power = 0,
    ] {
        let mut room = Room::new(|settings| {
            settings.flood.events = 1;
            change(settings);
        });
        for _ in 0..5 {
            assert!(room.say(BOB, json!({ "body": "a" })).is_empty());
        }
    }
}

#[test]
fn a_wave_of_joins_is_found_once() {
    let mut room = Room::new(|settings| settings.join_wave.joins = 3);

    let found: Vec<_> = (0..10).flat_map(|number| room.join(&format!("@u{number}:there.test"))).collect();

    assert_eq!(names(&found), ["join_wave"]);
    assert_eq!(found[0].events.len(), 4);
}

#[test]
fn media_and_links_are_found_in_the_first_message_only() {
    let picture = json!({ "msgtype": "m.image", "body": "x.png" });
    let link = json!({ "msgtype": "m.text", "body": "https://spam.test" });
    let mut room = Room::new(|_| {});
    room.join(BOB);
    room.join("@carol:there.test");
    room.join("@dave:there.test");

    assert_eq!(names(&room.say(BOB, link.clone())), ["newcomer_media"]);
    assert!(room.say("@carol:there.test", json!({ "body": "hello" })).is_empty());
    assert!(room.say("@carol:there.test", picture.clone()).is_empty());
    room.wait(601);
    assert!(room.say("@dave:there.test", picture.clone()).is_empty());
    assert!(room.say("@old:there.test", picture).is_empty());
}

#[test]
fn a_newcomer_is_known_after_a_restart() {
    let mut room = Room::new(|_| {});
    room.standing.joined_at = Some(START - 10_000);

    let found = room.say(BOB, json!({ "msgtype": "m.file", "body": "x" }));

    assert_eq!(names(&found), ["newcomer_media"]);
}

#[test]
fn calling_too_many_or_all_is_found() {
    let mut room = Room::new(|settings| settings.mentions.users = 2);
    let call = |users: &[&str]| json!({ "body": "hi", "m.mentions": { "user_ids": users } });

    assert!(room.say(BOB, call(&["@a:x", "@b:x", BOB])).is_empty());
    assert_eq!(names(&room.say(BOB, call(&["@a:x", "@b:x", "@c:x"]))), ["mentions"]);
    let all = json!({ "body": "@room", "m.mentions": { "room": true } });
    assert_eq!(names(&room.say(BOB, all.clone())), ["mentions"]);
    room.standing.may_call_room = true;
    assert!(room.say(BOB, all).is_empty());
}

#[test]
fn many_invitations_are_found_across_rooms() {
    let mut room = Room::new(|settings| settings.invites.invites = 2);

    let invite = |number: u32| format!("@u{number}:there.test");
    let found: Vec<_> = (0..5)
        .flat_map(|number| room.event(BOB, "m.room.member", Some(&invite(number)), json!({ "membership": "invite" })))
        .collect();

    assert_eq!(names(&found), ["invites"]);
    assert_eq!(found[0].users, [user_id!("@bob:there.test")]);
}

#[test]
fn watched_words_are_found_in_messages_and_names() {
    let mut room = Room::new(|settings| settings.watched_words.words = vec!["spam*".to_owned()].into());
    let member = json!({ "membership": "join", "displayname": "SpamKing" });

    let said = room.say(BOB, json!({ "body": "this is spam" }));
    let named = room.event(BOB, "m.room.member", Some(BOB), member);

    assert_eq!((names(&said), said[0].events.len()), (vec!["watched_words"], 1));
    assert_eq!((names(&named), named[0].events.len()), (vec!["watched_words"], 0));
    assert!(!said[0].says.contains("this is"), "contents are nobody's business");
}

#[test]
fn who_looks_like_somebody_banned_is_hinted_at_until_the_ban_is_lifted() {
    let mut room = Room::new(|_| {});
    let ban = |membership: &str| json!({ "membership": membership });
    room.event("@mod:here.test", "m.room.member", Some("@mallory:there.test"), ban("ban"));

    let found = room.join("@mallory2:other.test");
    let other = room.join("@alice:other.test");
    room.detectors.evasion.unbanned(room_id!("!room:here.test"), user_id!("@mallory:there.test"));
    let after = room.join("@mallory3:other.test");

    assert_eq!(names(&found), ["ban_evasion"]);
    assert!(other.is_empty() && after.is_empty());
}

#[test]
fn accounts_from_one_network_are_a_wave() {
    let mut detectors = Detectors::default();
    let mut settings = Protections::default();
    settings.registration_wave.accounts = 2;
    let mut register = |name: &str, network: &str, at: i64| {
        let user = UserId::parse(format!("@{name}:here.test")).expect("a user ID");
        detectors.registered(&user, network, START + at * 1000, &settings)
    };

    assert_eq!(register("a", "net-1", 0), None);
    assert_eq!(register("b", "net-2", 0), None);
    assert_eq!(register("c", "net-1", 10), None);
    let wave = register("d", "net-1", 20).expect("a wave");
    let more = register("e", "net-1", 30).expect("it goes on");
    assert_eq!(register("f", "net-1", 5000), None);

    assert_eq!((wave.users.len(), more.users.len(), more.is_more), (3, 1, true));
    assert_eq!(wave.cause, more.cause);
}

#[test]
fn trusted_reporters_count_once_each() {
    let mut detectors = Detectors::default();
    let mut settings = Protections::default();
    settings.trusted_reporters.reporters = vec!["@t*:here.test".to_owned()].into();
    let mut report = |reporter: &str| {
        let report = Report {
            reporter: UserId::parse(reporter).expect("a user ID"),
            room: room_id!("!room:here.test").to_owned(),
            event: event_id!("$bad").to_owned(),
            sender: user_id!("@tom:here.test").to_owned(),
            at: START,
        };
        detectors.reported(&report, &Standing::default(), &settings)
    };

    for reporter in ["@t1:here.test", "@t1:here.test", "@eve:here.test", "@tom:here.test"] {
        assert_eq!(report(reporter), None, "{reporter}");
    }
    let found = report("@t2:here.test").expect("two are enough");

    assert_eq!((found.users[0].as_str(), found.events[0].as_str()), ("@tom:here.test", "$bad"));
}
