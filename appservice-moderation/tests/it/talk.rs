//! What the bot hears, what it passes over, and what it says to mistakes.

use std::time::Duration;

use homeserver_testing::TestUser;
use serde_json::{Value, json};

use crate::support::World;

/// A message in the operators' room, as the homeserver would tell of it.
fn message(world: &World, id: &str, sender: &str, content: Value) -> Value {
    json!({
        "event_id": id, "room_id": world.operators, "sender": sender, "type": "m.room.message",
        "origin_server_ts": world.app.clock.now_ms(), "content": content,
    })
}

fn text(body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body })
}

fn encryption() -> Value {
    json!({ "algorithm": "m.megolm.v1.aes-sha2" })
}

/// How often the bot has said who looks after the server.
async fn count_roles(world: &World) -> usize {
    let said = world.said(&world.root, &world.operators).await;
    said.iter().filter(|text| text.contains("Who looks after this server")).count()
}

/// What somebody is answered by a reaction.
async fn react(world: &World, user: &TestUser, event_id: &str, key: &str) {
    let relation = json!({ "rel_type": "m.annotation", "event_id": event_id, "key": key });
    user.send_event(&world.operators, "m.reaction", json!({ "m.relates_to": relation })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_of_what_is_no_command_by_somebody_who_may_command() {
    let world = World::start().await;
    let root = world.root.id.as_str();
    let mut edit = text("* !mod roles");
    edit["m.new_content"] = text("!mod roles");
    edit["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": "$before" });
    let mut state = message(&world, "$state", root, text("!mod roles"));
    state["state_key"] = "".into();

    world
        .push(&[
            message(&world, "$edit", root, edit),
            message(&world, "$own", world.app.bot.user_id().as_str(), text("!mod roles")),
            message(&world, "$pretender", "@root:elsewhere.org", text("!mod roles")),
            message(&world, "$notice", root, json!({ "msgtype": "m.notice", "body": "!mod roles" })),
            message(&world, "$quoted", root, text("I wrote !mod roles")),
            message(&world, "$strange", root, json!({ "msgtype": "m.text", "body": ["!mod roles"] })),
            state,
            json!({ "event_id": 7, "room_id": world.operators, "type": "m.room.message" }),
        ])
        .await;
    world.settled().await;

    assert_eq!(count_roles(&world).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_again_is_answered_once() {
    let world = World::start().await;
    let event = message(&world, "$once", world.root.id.as_str(), text("!MOD roles"));

    for _ in 0..3 {
        world.push(std::slice::from_ref(&event)).await;
    }
    world.settled().await;

    assert_eq!(count_roles(&world).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_told_again_and_not_refused_for_being_done() {
    let world = World::start().await;
    let bob = world.server.user("bob").await;
    world.protected_room(&bob).await;
    let event = message(&world, "$ban", world.root.id.as_str(), text("!mod ban @spam:elsewhere.org --yes"));

    for _ in 0..2 {
        world.push(std::slice::from_ref(&event)).await;
        world.settled().await;
    }

    let said = world.said(&world.root, &world.operators).await;
    assert_eq!(said.iter().filter(|text| text.starts_with("Ban @spam:elsewhere.org: done.")).count(), 1, "{said:?}");
    assert!(!said.iter().any(|text| text.contains("nothing to do")), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_long_ago_is_not_done_any_more() {
    let world = World::start().await;
    let mut event = message(&world, "$late", world.root.id.as_str(), text("!mod roles"));
    event["origin_server_ts"] = (world.app.clock.now_ms() - 2 * 3_600_000).into();

    world.push(&[event]).await;
    world.settled().await;

    assert_eq!(count_roles(&world).await, 0);
    world.until_said(&world.root, &world.operators, "You said that 2 hours ago").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_is_answered_with_a_sentence() {
    let world = World::start().await;
    let bob = world.server.user("bob").await;
    world.protected_room(&bob).await;

    for (said, answer) in [
        ("!mod bann @a:b.c", "There is no command bann. Do you mean ban?"),
        ("!mod explode", "There is no command explode. !mod help lists what there is."),
        ("!mod ban", "Whom? Name a user like @alice:example.org."),
        ("!mod ban alice", "I do not understand \"alice\"."),
        ("!mod ban @alice", "\"@alice\" is not a user ID like @alice:example.org."),
        ("!mod ban ip:300.1.1.1", "\"300.1.1.1\" is not an address or a network like 203.0.113.0/24."),
        ("!mod ban domain:example", "\"example\" is not a domain like example.org."),
        ("!mod ban email:nobody", "\"nobody\" is not an e-mail address."),
        ("!mod ban @a:b.c ip:203.0.113.1", "please ban them one after the other"),
        ("!mod ban @a:b.c --for soon", "\"soon\" is not a length of time"),
        ("!mod ban @a:b.c --fore 7d", "There is no option --fore."),
        ("!mod ban @a:b.c --room #nowhere:test.local", "There is no room #nowhere:test.local."),
        ("!mod ban \"@a:b.c", "A quotation mark is missing."),
        ("!mod ban server:x.org --room lobby", "\"lobby\" is not a room like #room:example.org."),
        ("!mod kick #lobby:test.local", "#lobby:test.local is not a user."),
        ("!mod kick @a:b.c", "There is nothing to do."),
        ("!mod warn @a:b.c", "What shall I tell them? Write it after --reason."),
        ("!mod redact @a:b.c --last many", "--last needs a number."),
        ("!mod netban @bob:test.local --room #no:test.local", "There is no room #no:test.local."),
        ("!mod deny", "Whom? Name users, or ip:…, email:…, domain:…, server:…."),
        ("!mod deny everyone --scope moon", "moon"),
        ("!mod deny @bob:test.local --feature fly", "fly"),
        ("!mod deny ip:203.0.113.0/24 --scope login --feature join", "A rule has one place"),
        ("!mod unban ip:203.0.113.1", "There is no such rule in force."),
        ("!mod revoke", "Which? !mod rules shows the IDs of rules."),
        ("!mod revoke nothing", "There is no"),
        ("!mod lock @a:b.c", "@a:b.c is not of this server."),
        ("!mod lock @nobody:test.local", "no such"),
        ("!mod close lobby", "Which room? Name one like #room:example.org."),
        ("!mod lockdown 9", "Levels are 4, 3, 2 and 1"),
        ("!mod lockdown off", "There is no lockdown."),
        ("!mod case", "Which case? !mod cases lists them."),
        ("!mod case c_none", "There is no case c_none."),
        ("!mod undo c_none", "There is no case c_none."),
        ("!mod cases email:a@b.org", "Cases are not listed by"),
        ("!mod who", "Who? Name one user"),
        ("!mod protect mode flood loud", "cannot have this value"),
        ("!mod protect set floods events 3", "There is no protection floods."),
        ("!mod protect #nowhere:test.local", "There is no room #nowhere:test.local."),
        ("!mod role @bob:test.local king", "\"king\" is no role"),
        ("!mod token --label x", "Others would read the token here."),
        ("!mod watch lobby", "Name one room"),
        ("!mod unwatch #nowhere:test.local", "There is no room #nowhere:test.local."),
        ("!mod publish ip:203.0.113.1", "never published"),
    ] {
        let told = world.command(said).await;
        assert!(told.to_lowercase().contains(&answer.to_lowercase()), "{said} is answered: {told}");
        assert!(!told.contains('👍'), "{said} proposes something: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_is_left_by_a_thumb_down_and_by_time() {
    let world = World::start().await;
    let alice = world.server.user("alice").await;
    let left = world.propose("!mod lock @alice:test.local").await;
    left.react("👎").await;
    let of_left = left.outcome().await;
    left.confirm().await;
    let late = world.propose("!mod lock @alice:test.local").await;
    world.advance(Duration::from_secs(301));
    late.confirm().await;
    let of_late = late.outcome().await;

    assert_eq!(of_left, "Nothing is done.");
    assert!(of_late.starts_with("That was too long ago"), "{of_late}");
    alice.get("/_matrix/client/v3/sync").await.expect("she is not locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_do_it_can_confirm_and_others_are_told_so() {
    let world = World::start().await;
    let [alice, bob, eve] = world.server.users(["alice", "bob", "eve"]).await;
    world.command("!mod role @alice:test.local moderator").await;
    alice.join(&world.operators).await;
    world.root.invite(&world.operators, &eve).await;
    eve.join(&world.operators).await;
    let (_, proposal) = {
        world.root.say(&world.operators, "!mod lock @bob:test.local").await;
        world.heard("Lock @bob:test.local").await
    };

    react(&world, &eve, &proposal, "👍").await;
    react(&world, &alice, &proposal, "👍️").await;
    world.until_said(&world.root, &world.operators, "As moderator you may not do this.").await;
    bob.get("/_matrix/client/v3/sync").await.expect("he is not locked");
    react(&world, &world.root, &proposal, "👍️").await;

    world.until_said(&world.root, &world.operators, "Lock @bob:test.local: done.").await;
    bob.get("/_matrix/client/v3/sync").await.expect_err("he is locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_out_is_not_done() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&bob).await;
    let (_, banned) = world.confirm("!mod ban @alice:test.local").await;
    let case = world.case_in(&banned);

    for (said, answer) in [
        ("!mod unban @alice:test.local --dry-run".to_owned(), "Nothing is done."),
        ("!mod lock @alice:test.local --yes --dry-run".to_owned(), "Nothing is done."),
        (format!("!mod undo {case} --dry-run"), "ban @alice:test.local in"),
        ("!mod role @alice:test.local admin --dry-run".to_owned(), "there is no --dry-run of it"),
        ("!mod protect mode flood act --dry-run".to_owned(), "there is no --dry-run of it"),
        (format!("!mod unprotect {room} --dry-run"), "there is no --dry-run of it"),
        ("!mod publish @alice:test.local --dry-run".to_owned(), "publishing makes it"),
    ] {
        let told = world.command(&said).await;
        assert!(told.contains(answer), "{said} is answered: {told}");
    }

    alice.try_join(&room).await.expect_err("she is banned still");
    alice.get("/_matrix/client/v3/sync").await.expect("she is not locked");
    assert_eq!(world.app.roles.of(&alice.id).await.expect("it is known"), None);
    assert!(world.app.lists.own().await.expect("it is known").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_encrypted_is_invited_to_where_the_bot_can_read() {
    let world = World::start().await;
    let alice = world.server.user("alice").await;
    world.command("!mod role @alice:test.local auditor").await;
    let initial = json!({ "type": "m.room.encryption", "state_key": "", "content": encryption() });
    let chat = alice
        .create_room_with(json!({
            "is_direct": true, "invite": [world.app.bot.user_id()], "initial_state": [initial],
        }))
        .await;

    world.until_said(&alice, &chat, "I cannot read what is encrypted. I invite you to a chat where I can.").await;
    world
        .until("there is another chat", async || {
            world.app.rooms.chat_with(&alice.id).await.is_ok_and(|room| room != chat)
        })
        .await;
    let readable = world.app.rooms.chat_with(&alice.id).await.expect("it is there");
    alice.join(&readable).await;
    let helped = world.tell(&alice, &readable, "help").await;
    let refused = alice.try_set_state(&readable, "m.room.encryption", "", encryption()).await;

    assert!(helped.contains("You can use here:"), "{helped}");
    refused.expect_err("nobody can encrypt this one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_becomes_encrypted_is_told_what_that_means() {
    let world = World::start().await;
    let bob = world.server.user("bob").await;
    let room = world.protected_room(&bob).await;

    bob.set_state(&room, "m.room.encryption", "", encryption()).await;

    world.until_said(&bob, &room, "cannot read commands here").await;
    let refused = world.root.try_set_state(&world.operators, "m.room.encryption", "", encryption()).await;
    refused.expect_err("nobody can encrypt the operators' room");
}
