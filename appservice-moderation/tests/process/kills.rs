//! What was asked for happens once, whenever a program is killed.

use std::{collections::BTreeMap, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};

use crate::program::{Person, Place};

const SPAMMERS: usize = 12;

/// Asks for a ban of many from two rooms, with their messages redacted, and a rule.
async fn ask(root: &Person<'_>, operators: &str) {
    let names: Vec<String> = (0..SPAMMERS).map(|number| format!("@spam{number}:elsewhere.org")).collect();
    root.say(operators, &format!("!mod ban {} --yes --reason raid", names.join(" "))).await;
    root.say(operators, "!mod redact @talker:localhost --yes").await;
    root.say(operators, "!mod deny domain:spam.test --scope registration --yes").await;
    root.say(operators, "!mod roles").await;
}

/// How often each event of a room of a kind is about each target.
async fn tally(by: &Person<'_>, room: &str, target: impl Fn(&Value) -> Option<String>) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for event in by.events(room).await {
        if let Some(target) = target(&event) {
            *tally.entry(target).or_default() += 1;
        }
    }
    tally
}

fn banned(event: &Value) -> Option<String> {
    let is_ban = event["type"] == "m.room.member" && event["content"]["membership"] == "ban";
    is_ban.then(|| event["state_key"].as_str().expect("a user").to_owned())
}

fn redacted(event: &Value) -> Option<String> {
    let is_redaction = event["type"] == "m.room.redaction";
    is_redaction.then(|| event["content"]["redacts"].as_str().expect("an event").to_owned())
}

/// Waits until all is done, then makes sure that it was done once.
async fn assert_done_once(place: &Place, root: &Person<'_>, operators: &str, rooms: &[String]) {
    place.until("the last is answered", async || root.count(operators, "Who looks after").await == 1).await;
    let is_done = async || {
        let mut count = 0;
        for room in rooms {
            count += tally(root, room, banned).await.len();
        }
        count == SPAMMERS * rooms.len() && tally(root, &rooms[0], redacted).await.len() == 10
    };
    place.until("all is done", is_done).await;

    for room in rooms {
        assert!(tally(root, room, banned).await.values().all(|count| *count == 1), "nobody is banned twice");
    }
    assert!(tally(root, &rooms[0], redacted).await.values().all(|count| *count == 1), "nothing is redacted twice");
    let rules = root.call(Method::GET, "/_salon/access/v1/rules", json!({})).await;
    assert_eq!(rules["rules"].as_array().expect("rules").len(), 1, "{rules}");
    for answer in ["Ban @spam0", "Redact @talker", "Deny domain:spam.test"] {
        assert_eq!(root.count(operators, answer).await, 1, "it is told once: {answer}");
    }
}

/// Two rooms, in one of which somebody talked.
async fn prepare(place: &Place, root: &Person<'_>) -> Vec<String> {
    let rooms = vec![root.protected_room().await, root.protected_room().await];
    let talker = place.register("talker").await;
    talker.call(Method::POST, &format!("/_matrix/client/v3/join/{}", rooms[0]), json!({})).await;
    for number in 0..10 {
        talker.say(&rooms[0], &format!("spam {number}")).await;
    }
    rooms
}

#[tokio::test(flavor = "multi_thread")]
async fn the_moderation_is_killed_again_and_again() {
    let place = Place::new();
    place.register_moderation();
    let _homeserver = place.start_homeserver();
    place.until_healthy().await;
    let mut moderation = place.start_moderation();
    let root = place.root().await;
    let operators = root.join_operators().await;
    let rooms = prepare(&place, &root).await;

    ask(&root, &operators).await;
    for moment_ms in [5, 20, 40, 60, 80, 100, 130, 160, 200] {
        tokio::time::sleep(Duration::from_millis(moment_ms)).await;
        moderation.kill();
        moderation = place.start_moderation();
        place.until_moderated().await;
    }

    assert_done_once(&place, &root, &operators, &rooms).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_homeserver_is_killed_while_it_is_asked() {
    let place = Place::new();
    place.register_moderation();
    let mut homeserver = place.start_homeserver();
    place.until_healthy().await;
    let _moderation = place.start_moderation();
    let root = place.root().await;
    let operators = root.join_operators().await;
    let rooms = prepare(&place, &root).await;

    ask(&root, &operators).await;
    for moment_ms in [30, 150] {
        tokio::time::sleep(Duration::from_millis(moment_ms)).await;
        homeserver.kill();
        homeserver = place.start_homeserver();
        place.until_healthy().await;
    }

    assert_done_once(&place, &root, &operators, &rooms).await;
    drop(homeserver);
}
