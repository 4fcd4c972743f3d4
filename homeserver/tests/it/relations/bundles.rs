//! What comes along with an event of those that relate to it.

use homeserver_testing::{TestServer, segment};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_event_keeps_its_content_and_comes_with_its_newest_edit() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let said = alice.say(&room, "first").await;
    alice.edit(&room, &said, "second").await;

    let newest = alice.edit(&room, &said, "third").await;

    let event = alice.event(&room, &said).await;
    assert_eq!(event["content"]["body"], "first");
    let edit = &event["unsigned"]["m.relations"]["m.replace"];
    assert_eq!(edit["event_id"], newest.as_str());
    assert_eq!(edit["content"]["m.new_content"]["body"], "third");
    assert_eq!(edit["sender"], alice.id.as_str());
    assert_eq!(edit["room_id"], room.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_come_with_every_kind_of_page() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let said = alice.say(&room, "first").await;
    let edit = alice.edit(&room, &said, "second").await;
    let room_path = format!("/_matrix/client/v3/rooms/{}", segment(room.as_str()));

    let page = alice.messages(&room, 2).await;
    let context = alice.get(&format!("{room_path}/context/{}", segment(said.as_str()))).await.expect("readable");
    let around = alice.get(&format!("{room_path}/context/{}", segment(edit.as_str()))).await.expect("readable");

    let bundled = |event: &Value| event["unsigned"]["m.relations"]["m.replace"]["event_id"].clone();
    assert_eq!(bundled(&page[1]), edit.as_str());
    assert_eq!(bundled(&context["event"]), edit.as_str());
    assert_eq!(bundled(&around["events_before"][0]), edit.as_str());
    assert_eq!(page[0]["unsigned"].get("m.relations"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_valid_edit_is_not_bundled() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let said = alice.say(&room, "first").await;
    let edit = alice.edit(&room, &said, "second").await;

    bob.edit(&room, &said, "somebody else's").await;
    let relation = json!({ "rel_type": "m.replace", "event_id": said });
    let without_content = json!({ "msgtype": "m.text", "body": "* nothing", "m.relates_to": relation });
    alice.send_event(&room, "m.room.message", without_content).await;
    let other_type = json!({ "m.new_content": { "body": "odd" }, "m.relates_to": relation });
    alice.send_event(&room, "org.example.other", other_type).await;
    alice.edit(&room, &edit, "an edit of an edit").await;

    assert_eq!(alice.bundle(&room, &said).await["m.replace"]["event_id"], edit.as_str());
    assert_eq!(alice.bundle(&room, &edit).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redacted_edit_gives_way_to_the_one_before() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let said = alice.say(&room, "first").await;
    let earlier = alice.edit(&room, &said, "second").await;
    let later = alice.edit(&room, &said, "third").await;
    assert_eq!(alice.bundle(&room, &said).await["m.replace"]["event_id"], later.as_str());

    alice.redact(&room, &later).await;
    assert_eq!(alice.bundle(&room, &said).await["m.replace"]["event_id"], earlier.as_str());

    alice.redact(&room, &earlier).await;
    assert_eq!(alice.bundle(&room, &said).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_are_not_bundled_with_a_redacted_event_but_its_thread_is() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let said = alice.say(&room, "first").await;
    alice.edit(&room, &said, "second").await;
    let reply = alice.say_in_thread(&room, &said, "in the thread").await;

    alice.redact(&room, &said).await;

    let bundle = alice.bundle(&room, &said).await;
    assert_eq!(bundle.get("m.replace"), None);
    assert_eq!(bundle["m.thread"]["latest_event"]["event_id"], reply.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn references_are_listed_by_id_and_reactions_are_not() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let said = alice.say(&room, "look at this").await;

    let one = bob.refer(&room, &said, "one").await;
    let two = alice.refer(&room, &said, "two").await;
    bob.react(&room, &said, "👍").await;

    let bundle = bob.bundle(&room, &said).await;
    assert_eq!(bundle, json!({ "m.reference": { "chunk": [{ "event_id": one }, { "event_id": two }] } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_tells_its_newest_event_its_length_and_who_takes_part() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    carol.join(&room).await;
    let root = alice.say(&room, "a thread").await;
    bob.say_in_thread(&room, &root, "one").await;
    let latest = bob.say_in_thread(&room, &root, "two").await;
    let edit = bob.edit(&room, &latest, "two, edited").await;

    let for_alice = alice.bundle(&room, &root).await;
    let for_carol = carol.bundle(&room, &root).await;

    let thread = &for_alice["m.thread"];
    assert_eq!(thread["count"], 2);
    assert_eq!(thread["current_user_participated"], true, "she began it");
    assert_eq!(thread["latest_event"]["event_id"], latest.as_str());
    assert_eq!(thread["latest_event"]["content"]["body"], "two");
    let bundled = &thread["latest_event"]["unsigned"]["m.relations"]["m.replace"];
    assert_eq!(bundled["event_id"], edit.as_str(), "the newest event comes with its own edit");
    assert_eq!(for_carol["m.thread"]["current_user_participated"], false);
    assert_eq!(bob.bundle(&room, &root).await["m.thread"]["current_user_participated"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redacted_reply_leaves_its_thread() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let root = alice.say(&room, "a thread").await;
    let one = alice.say_in_thread(&room, &root, "one").await;
    let two = alice.say_in_thread(&room, &root, "two").await;

    alice.redact(&room, &two).await;

    let thread = alice.bundle(&room, &root).await["m.thread"].take();
    assert_eq!(thread["count"], 1);
    assert_eq!(thread["latest_event"]["event_id"], one.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_ignored_users_do_not_count() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    carol.join(&room).await;
    let root = alice.say(&room, "a thread").await;
    let from_carol = carol.say_in_thread(&room, &root, "one").await;
    let from_bob = bob.say_in_thread(&room, &root, "two").await;
    bob.refer(&room, &root, "by the way").await;
    assert_eq!(alice.bundle(&room, &root).await["m.thread"]["latest_event"]["event_id"], from_bob.as_str());

    alice.ignore(&[&bob]).await;

    let bundle = alice.bundle(&room, &root).await;
    assert_eq!(bundle["m.thread"]["count"], 1);
    assert_eq!(bundle["m.thread"]["latest_event"]["event_id"], from_carol.as_str());
    assert_eq!(bundle.get("m.reference"), None);

    alice.ignore(&[]).await;
    assert_eq!(alice.bundle(&room, &root).await["m.thread"]["count"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_left_is_not_told_of_later_edits_and_replies() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let root = alice.say(&room, "a thread").await;
    let before = alice.say_in_thread(&room, &root, "before").await;
    bob.leave(&room).await;

    alice.edit(&room, &root, "an edit that bob must not see").await;
    alice.say_in_thread(&room, &root, "after").await;
    alice.refer(&room, &root, "after, too").await;

    let bundle = bob.bundle(&room, &root).await;
    assert_eq!(bundle.get("m.replace"), None);
    assert_eq!(bundle.get("m.reference"), None);
    assert_eq!(bundle["m.thread"]["count"], 1);
    assert_eq!(bundle["m.thread"]["latest_event"]["event_id"], before.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_are_the_same_after_a_restart() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let root = alice.say(&room, "a thread").await;
    alice.edit(&room, &root, "a thread, edited").await;
    bob.refer(&room, &root, "by the way").await;
    bob.say_in_thread(&room, &root, "one").await;
    let two = alice.say_in_thread(&room, &root, "two").await;
    alice.edit(&room, &two, "two, edited").await;
    let before = bob.bundle(&room, &root).await;

    let server = server.restart().await;

    let after = bob.at(&server).bundle(&room, &root).await;
    assert_eq!(without_ages(after), without_ages(before));
}

/// The same without how old events are.
fn without_ages(mut json: Value) -> Value {
    match &mut json {
        Value::Object(members) => {
            members.remove("age");
            members.values_mut().for_each(|value| *value = without_ages(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_ages(item.take())),
        _ => {}
    }
    json
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_remembered_is_forgotten_when_something_new_relates_to_an_event() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let mut said = Vec::new();
    for number in 0..20 {
        said.push(alice.say(&room, &format!("message {number}")).await);
    }
    assert_eq!(alice.bundle(&room, &said[3]).await, Value::Null, "it is remembered that there is nothing");

    let edit = alice.edit(&room, &said[3], "edited").await;

    let page = alice.messages(&room, 21).await;
    let bundled: Vec<_> = page.iter().filter(|event| event["unsigned"].get("m.relations").is_some()).collect();
    assert_eq!(bundled.len(), 1);
    assert_eq!(bundled[0]["event_id"], said[3].as_str());
    assert_eq!(bundled[0]["unsigned"]["m.relations"]["m.replace"]["event_id"], edit.as_str());
}
