//! The commands for programs.

use moderation::roles::Role;
use serde_json::{Value, json};

use crate::support::World;

/// A token of `root`.
async fn token(world: &World, role: Role) -> String {
    world.app.tokens.make(&world.root.id, role, "test", None).await.expect("root has all roles").1
}

async fn call(world: &World, token: &str, verb: &str, body: Value) -> (u16, Value) {
    send(world, token, verb, body, None).await
}

async fn send(world: &World, token: &str, verb: &str, body: Value, key: Option<&str>) -> (u16, Value) {
    let url = format!("{}/_salon/moderation/v1/commands/{verb}", world.url);
    let mut request = world.server.http().post(url).bearer_auth(token).json(&body);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    let answer = request.send().await.expect("it answers");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_do_what_people_do_without_a_confirmation() {
    let world = World::start().await;
    let token = token(&world, Role::Owner).await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&bob).await;

    let asked = json!({ "targets": ["@alice:test.local"], "for": "7d", "reason": "raid" });
    let mut rehearsed = asked.clone();
    rehearsed["dry_run"] = true.into();
    let (_, preview) = call(&world, &token, "ban", rehearsed).await;
    alice.join(&room).await;
    let (status, done) = call(&world, &token, "ban", asked).await;

    assert_eq!(preview["acts"], 1);
    assert_eq!((status, &done["case"]["jobs"][0]["state"]), (200, &json!("done")), "{done}");
    assert_eq!(bob.membership_of(&room, &alice).await, "ban");
    let case_id = done["case"]["case_id"].as_str().expect("an ID");
    let url = format!("{}/_salon/moderation/v1/cases/{case_id}/undo", world.url);
    let undone = world.server.http().post(url).bearer_auth(&token).send().await.expect("it answers");
    assert_eq!(undone.status().as_u16(), 200);
    alice.join(&room).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_is_carried_out_once() {
    let world = World::start().await;
    let token = token(&world, Role::Admin).await;
    let bob = world.server.user("bob").await;
    world.protected_room(&bob).await;
    let asked = json!({ "targets": ["domain:spam.test"], "scope": "registration" });

    let (_, first) = send(&world, &token, "deny", asked.clone(), Some("once")).await;
    let (_, second) = send(&world, &token, "deny", asked, Some("once")).await;
    let banned = json!({ "targets": ["@spam:elsewhere.org"] });
    let (_, ban) = send(&world, &token, "ban", banned.clone(), Some("ban")).await;
    let (_, same) = send(&world, &token, "ban", banned, Some("ban")).await;
    let (_, rules) = call(&world, &token, "rules", json!({})).await;

    assert_eq!(first["case"]["case_id"], second["case"]["case_id"]);
    assert!(ban["case"]["case_id"].is_string(), "{ban}");
    assert_eq!(ban["case"], same["case"]);
    assert_eq!(rules["result"]["rules"].as_array().expect("a list").len(), 1, "{rules}");
    assert_eq!(rules["result"]["rules"][0]["author"], "@root:test.local");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_no_more_than_its_role_and_ends() {
    let world = World::start().await;
    let auditor = token(&world, Role::Auditor).await;

    let (status, refused) = call(&world, &auditor, "lock", json!({ "targets": ["@alice:test.local"] })).await;
    let (unknown, _) = call(&world, &auditor, "explode", json!({})).await;
    let (malformed, _) = call(&world, &auditor, "who", json!({ "targets": "x", "fore": 1 })).await;
    let (seen, tokens) = call(&world, &auditor, "tokens", json!({})).await;
    let id = tokens["result"]["tokens"][0]["token_id"].clone();
    call(&world, &auditor, "tokens", json!({ "words": ["revoke", id] })).await;
    let (ended, _) = call(&world, &auditor, "tokens", json!({})).await;
    let (nobody, _) = call(&world, "", "tokens", json!({})).await;

    assert_eq!((status, &refused["error"]), (403, &json!("As auditor you may not do this.")));
    assert_eq!((unknown, malformed, seen, ended, nobody), (404, 400, 200, 401, 401));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_for_as_long_as_was_said_and_as_its_owner_has_a_role() {
    let world = World::start().await;
    let alice = world.server.user("alice").await;
    world.command("!mod role @alice:test.local admin").await;
    let make = async |length| {
        let made = world.app.tokens.make(&alice.id, Role::Admin, "test", length).await;
        made.expect("she has the role").1
    };
    let (short, long) = (make(Some(3_600_000)).await, make(None).await);

    let (first, _) = call(&world, &short, "rules", json!({})).await;
    world.app.clock.advance(std::time::Duration::from_secs(3601));
    let (ended, _) = call(&world, &short, "rules", json!({})).await;
    world.app.roles.give(&world.root.id, &alice.id, Some(Role::Auditor)).await.expect("root gives roles");
    let (lesser, _) = call(&world, &long, "lock", json!({ "targets": ["@bob:test.local"] })).await;
    world.app.roles.give(&world.root.id, &alice.id, None).await.expect("root takes roles");
    let (gone, _) = call(&world, &long, "rules", json!({})).await;

    assert_eq!((first, ended, lesser, gone), (200, 401, 403, 401));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_makes_no_token_that_may_more() {
    let world = World::start().await;
    let auditor = token(&world, Role::Auditor).await;

    let (status, refused) = call(&world, &auditor, "token", json!({ "label": "more", "role": "owner" })).await;
    let (made, same) = call(&world, &auditor, "token", json!({ "label": "same" })).await;

    assert_eq!((status, &refused["error"]), (403, &json!("As auditor you may not do this.")));
    assert_eq!((made, &same["result"]["role"]), (200, &json!("auditor")));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_homeserver_tells_what_happens_and_only_once() {
    let world = World::start().await;
    let url = format!("{}/_matrix/app/v1/transactions/txn1", world.url);
    let event = json!({
        "event_id": "$made:up", "room_id": world.operators, "sender": world.root.id, "type": "m.room.message",
        "origin_server_ts": world.app.clock.now_ms(), "content": { "msgtype": "m.text", "body": "!mod roles" },
    });
    let tell = async |token: &str| {
        let request = world.server.http().put(&url).bearer_auth(token).json(&json!({ "events": [event] }));
        request.send().await.expect("it answers").status().as_u16()
    };
    let answers = async || {
        let said = world.root.messages(&world.operators, 50).await;
        let is_answer = |event: &&Value| event["content"]["body"].as_str().is_some_and(|text| text.contains("owner"));
        said.iter().filter(is_answer).count()
    };

    assert_eq!(tell("somebody").await, 403);
    assert_eq!(tell("the token of the homeserver").await, 200);
    world.until("it is answered", async || answers().await == 1).await;
    assert_eq!(tell("the token of the homeserver").await, 200);
    world.command("!mod help").await;

    assert_eq!(answers().await, 1);
}
