//! Policy lists: what comes of their rules, and what is taken back.

mod killed;
mod publish;

use homeserver_testing::TestUser;
use ruma::{OwnedRoomId, RoomId};
use serde_json::{Value, json};

use crate::support::World;

/// Puts a rule on a list.
pub(crate) async fn rule(writer: &TestUser, list: &RoomId, kind: &str, entity: &str) {
    let content = json!({ "entity": entity, "recommendation": "m.ban", "reason": "spam" });
    writer.set_state(list, &format!("m.policy.rule.{kind}"), &place(entity), content).await;
}

/// Takes a rule from a list.
async fn lift(writer: &TestUser, list: &RoomId, kind: &str, entity: &str) {
    writer.set_state(list, &format!("m.policy.rule.{kind}"), &place(entity), json!({})).await;
}

/// Where the rule about an entity stands. A state key that is a user ID would be that user's own.
fn place(entity: &str) -> String {
    format!("rule:{entity}")
}

async fn denied(world: &World, room: &RoomId) -> Value {
    world.bot().state(room, "m.room.server_acl", "").await.unwrap_or_default()["deny"].clone()
}

/// A list with a rule about a user and one about a server.
async fn list(writer: &TestUser) -> OwnedRoomId {
    let list = writer.create_room_with(json!({ "preset": "public_chat", "name": "Bad people" })).await;
    rule(writer, &list, "user", "@spam*:test.local").await;
    rule(writer, &list, "server", "*.evil.test").await;
    list
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_bans_who_is_there_and_who_comes_and_unwatching_takes_all_of_it_back() {
    let world = World::start().await;
    let [writer, alice, spam, spammer, nice, banned] =
        world.server.users(["writer", "alice", "spam1", "spam2", "nice", "spam3"]).await;
    let list = list(&writer).await;
    let room = world.protected_room(&alice).await;
    for user in [&spam, &nice] {
        user.join(&room).await;
    }
    banned.join(&room).await;
    alice.ban(&room, &banned).await;
    let acl = json!({ "allow": ["*"], "deny": ["old.test"], "allow_ip_literals": true });
    alice.set_state(&room, "m.room.server_acl", "", acl.clone()).await;

    let (preview, outcome) = world.confirm(&format!("!mod watch {list}")).await;
    world.until_member_is(&room, &spam, "ban").await;
    spammer.join(&room).await;
    world.until_member_is(&room, &spammer, "ban").await;
    world
        .until("the servers are shut out", async || denied(&world, &room).await == json!(["old.test", "*.evil.test"]))
        .await;

    assert!(preview.contains("1 rules about users, 1 about servers"), "{preview}");
    assert!(preview.contains("@spam1:test.local (1 rooms, of this server)"), "{preview}");
    assert!(outcome.contains("done"), "{outcome}");
    assert_eq!(world.membership(&room, &nice).await, "join");

    world.confirm(&format!("!mod unwatch {list}")).await;
    for user in [&spam, &spammer] {
        world.until_member_is(&room, user, "leave").await;
    }
    world.until("the old list stands", async || denied(&world, &room).await == json!(["old.test"])).await;
    assert_eq!(world.membership(&room, &banned).await, "ban", "what people did stays");
    world
        .until("the bot has left the list", async || world.app.lists.list().await.expect("it can be read").is_empty())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_come_and_go_are_followed() {
    let world = World::start().await;
    let [writer, alice, bob, carol] = world.server.users(["writer", "alice", "bob", "carol"]).await;
    let list = list(&writer).await;
    let room = world.protected_room(&alice).await;
    for user in [&bob, &carol] {
        user.join(&room).await;
    }
    world.confirm(&format!("!mod watch {list}")).await;

    rule(&writer, &list, "user", "@bob:test.local").await;
    rule(&writer, &list, "user", "@carol:test.local").await;
    rule(&writer, &list, "server", "other.test").await;
    for user in [&bob, &carol] {
        world.until_member_is(&room, user, "ban").await;
    }
    world
        .until("both are shut out", async || denied(&world, &room).await == json!(["*.evil.test", "other.test"]))
        .await;
    lift(&writer, &list, "user", "@bob:test.local").await;
    lift(&writer, &list, "server", "*.evil.test").await;

    world.until_member_is(&room, &bob, "leave").await;
    world.until("one is let in", async || denied(&world, &room).await == json!(["other.test"])).await;
    assert_eq!(world.membership(&room, &carol).await, "ban");
    bob.join(&room).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_lists_say_stays_as_long_as_one_of_them_says_it() {
    let world = World::start().await;
    let [writer, alice, spam] = world.server.users(["writer", "alice", "spam1"]).await;
    let (one, two) = (list(&writer).await, list(&writer).await);
    let room = world.protected_room(&alice).await;
    spam.join(&room).await;
    world.confirm(&format!("!mod watch {one}")).await;
    world.until_member_is(&room, &spam, "ban").await;
    world.confirm(&format!("!mod watch {two}")).await;

    world.confirm(&format!("!mod unwatch {one}")).await;
    world.app.lists.reconcile().await.expect("it can be compared");
    let between = world.membership(&room, &spam).await;
    world.confirm(&format!("!mod unwatch {two}")).await;

    assert_eq!(between, "ban");
    world.until_member_is(&room, &spam, "leave").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_undo_is_not_done_again() {
    let world = World::start().await;
    let [writer, alice, spam] = world.server.users(["writer", "alice", "spam1"]).await;
    let list = list(&writer).await;
    let (room, other) = (world.protected_room(&alice).await, world.protected_room(&alice).await);
    spam.join(&room).await;
    world.confirm(&format!("!mod watch {list}")).await;
    world.until_member_is(&room, &spam, "ban").await;

    let cases = world.app.actions.list(moderation::actions::About::Target(spam.id.as_str()), 10).await;
    let case = cases.expect("there are cases").remove(0);
    assert!(case.origin.starts_with(&format!("list:{list}/$")), "{case:?}");
    world.app.actions.undo(&case.case_id, &world.root.id).await.expect("it can be undone");
    world.until_member_is(&room, &spam, "leave").await;
    for room in [&room, &other] {
        spam.join(room).await;
    }
    world.settled().await;
    world.app.lists.reconcile().await.expect("it can be compared");

    for room in [&room, &other] {
        assert_eq!(world.membership(room, &spam).await, "join");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_wants_too_much_at_once_rests_until_it_may_go_on() {
    let world = World::start().await;
    let [writer, alice] = world.server.users(["writer", "alice"]).await;
    let list = list(&writer).await;
    let room = world.protected_room(&alice).await;
    let mut users = Vec::new();
    for number in 0..21 {
        let user = world.server.user(&format!("u{number}")).await;
        user.join(&room).await;
        users.push(user);
    }
    world.confirm(&format!("!mod watch {list}")).await;
    world.app.lists.reconcile().await.expect("it can be compared");

    rule(&writer, &list, "user", "@u*:test.local").await;
    let (told, _) = world.heard("would put out 21 people at once, and rests").await;
    let before = world.membership(&room, &users[0]).await;
    let shown = world.command("!mod lists").await;
    world.command(&format!("!mod lists release {list}")).await;
    for user in &users {
        world.until_member_is(&room, user, "ban").await;
    }

    assert!(told.contains("Bad people"), "{told}");
    assert_eq!(before, "join");
    assert!(shown.contains("rests"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_looks_after_the_server_is_hit_and_neither_is_the_server() {
    let world = World::start().await;
    let [writer, alice] = world.server.users(["writer", "alice"]).await;
    let list = list(&writer).await;
    for (kind, entity) in [("user", "@root:test.local"), ("server", "test.local"), ("user", "*"), ("server", "*.local")]
    {
        rule(&writer, &list, kind, entity).await;
    }
    let room = world.protected_room(&alice).await;
    world.root.join(&room).await;

    let (preview, _) = world.confirm(&format!("!mod watch {list} --effects bans,acl,access")).await;
    world.until("something came of it", async || denied(&world, &room).await == json!(["*.evil.test"])).await;

    assert!(preview.contains("it is about @root:test.local, who looks after this server"), "{preview}");
    assert!(preview.contains("it is about this server") && preview.contains("it could be anybody"), "{preview}");
    assert_eq!(world.membership(&room, &world.root).await, "join");
}

#[tokio::test(flavor = "multi_thread")]
async fn access_rules_come_of_a_list_and_go_with_it() {
    let world = World::start().await;
    let writer = world.server.user("writer").await;
    let list = list(&writer).await;
    rule(&writer, &list, "user", "@spam:other.test").await;
    let rules = async || {
        let all = world.app.access.rules(&world.root.id, &[], 100).await.expect("they can be read");
        let mut all: Vec<_> = all.into_iter().map(|rule| (rule.kind, rule.value, rule.scope, rule.effect)).collect();
        all.sort();
        all
    };
    let expected = [("server", "*.evil.test", "federation", "deny"), ("user", "@spam:other.test", "server", "deny")];
    let expected = expected
        .map(|(kind, value, scope, effect)| (kind.to_owned(), value.to_owned(), scope.to_owned(), effect.to_owned()));

    world.confirm(&format!("!mod watch {list} --effects access")).await;
    world.until("there are rules", async || rules().await == expected).await;
    lift(&writer, &list, "user", "@spam:other.test").await;
    world.until("one is revoked", async || rules().await == expected[..1]).await;
    world.confirm(&format!("!mod unwatch {list}")).await;
    world.until("there are none", async || rules().await.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_only_noted_when_the_process_ended_is_done_once() {
    let world = World::start().await;
    let [writer, alice, spam] = world.server.users(["writer", "alice", "spam1"]).await;
    let list = list(&writer).await;
    let room = world.protected_room(&alice).await;
    spam.join(&room).await;
    world.confirm(&format!("!mod watch {list}")).await;
    world.until_member_is(&room, &spam, "ban").await;
    // As if the process had ended before the case was sure to be there.
    let mut conn = world.app.storage.conn().await.expect("the database is there");
    let hits = moderation::storage::policy_lists::list_hits(&mut conn).await.expect("they can be read");
    for hit in &hits {
        moderation::storage::policy_lists::delete_hit(&mut conn, hit).await.expect("it can be deleted");
        let hit = moderation::storage::policy_lists::Hit { is_opened: false, ..hit.clone() };
        moderation::storage::policy_lists::insert_hit(&mut conn, &hit, 1).await.expect("it can be written");
    }

    for _ in 0..3 {
        world.app.lists.reconcile().await.expect("it can be compared");
    }

    let messages = alice.messages(&room, 100).await;
    let bans = messages.iter().filter(|event| event["content"]["membership"] == "ban").count();
    assert_eq!(bans, 1);
    let acls = messages.iter().filter(|event| event["type"] == "m.room.server_acl").count();
    assert_eq!(acls, 1);
}
