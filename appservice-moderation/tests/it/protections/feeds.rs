//! What protections find in what the homeserver tells of itself.

use homeserver_testing::{TestUser, segment};
use serde_json::{Value, json};

use super::case_of;
use crate::support::World;

async fn register(world: &World, name: &str, address: &str) -> TestUser {
    let newcomer = TestUser::anonymous(&world.server, name).coming_from(address);
    let body = json!({ "username": name, "password": newcomer.password(), "auth": { "type": "m.login.dummy" } });
    let answer = newcomer.post("/_matrix/client/v3/register", body).await.expect("registration succeeds");
    let device = answer["device_id"].as_str().expect("a device").to_owned();
    newcomer.with_session(device.as_str(), answer["access_token"].as_str().expect("a token"))
}

async fn is_suspended(world: &World, user: &TestUser) -> bool {
    world.app.access.account(&user.id).await.expect("the account is there").suspended
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wave_of_accounts_from_one_network_is_suspended_until_that_is_undone() {
    let world = World::start().await;
    world.protect("set registration_wave accounts 2").await;
    world.protect("mode registration_wave act").await;

    let mut wave = Vec::new();
    for name in ["w1", "w2", "w3"] {
        wave.push(register(&world, name, "127.0.0.7").await);
    }
    let other = register(&world, "other", "127.0.0.8").await;
    world.app.guard.read_feeds().await.expect("the feeds can be read");
    for user in &wave {
        world.until("the account is suspended", async || is_suspended(&world, user).await).await;
    }
    let late = register(&world, "w4", "127.0.0.7").await;
    world.app.guard.read_feeds().await.expect("the feeds can be read");
    world.until("who follows is suspended", async || is_suspended(&world, &late).await).await;

    let (told, _) = world.heard("3 accounts were made from the network net-").await;
    assert!(!told.contains("127.0.0."), "{told}");
    assert!(!is_suspended(&world, &other).await);
    let case = case_of(&world, "registration_wave").await;
    world.app.actions.undo(&case.case_id, &world.root.id).await.expect("it can be undone");
    for user in &wave {
        world.until("the account can act", async || !is_suspended(&world, user).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_trusted_people_report_is_redacted_once_there_are_enough() {
    let world = World::start().await;
    let [alice, bob, t1, t2, eve] = world.server.users(["alice", "bob", "t1", "t2", "eve"]).await;
    let room = world.protected_room(&alice).await;
    for user in [&bob, &t1, &t2, &eve] {
        user.join(&room).await;
    }
    world.protect("set trusted_reporters reporters +@t?:test.local").await;
    world.protect("mode trusted_reporters act").await;
    let said = bob.say(&room, "something bad").await;
    let path = format!("/_matrix/client/v3/rooms/{}/report/{}", segment(room.as_str()), segment(said.as_str()));
    let report = async |user: &TestUser| {
        user.post(&path, json!({ "reason": "bad" })).await.expect("it is taken");
        world.app.guard.read_feeds().await.expect("the feeds can be read");
    };

    report(&t1).await;
    report(&t1).await;
    report(&eve).await;
    world.settled().await;
    let before = world.is_redacted(&room, &said).await;
    report(&t2).await;
    world.until_redacted(&room, &said).await;

    assert!(!before);
    let (told, _) = world.heard("trusted_reporters").await;
    assert!(told.contains("@t1:test.local, @t2:test.local"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_accounts_can_be_exempt() {
    let world = World::start().await;
    let alice = world.server.user("alice").await;
    let room = world.protected_room(&alice).await;
    world.app.guard.read_feeds().await.expect("the feeds can be read");
    let old: Value = world.app.access.events(0).await.expect("a page").len().into();
    let bob = world.server.user("bob").await;
    bob.join(&room).await;
    world.app.guard.read_feeds().await.expect("the feeds can be read");
    world.protect("set watched_words words +spam").await;
    world.protect("mode watched_words act").await;

    world.protect("set watched_words exempt.account_s 1h").await;
    let first = bob.say(&room, "spam").await;
    world.until_redacted(&room, &first).await;
    world.app.clock.advance(std::time::Duration::from_secs(3601));
    let second = bob.say(&room, "spam").await;
    world.settled().await;

    assert_ne!(old, json!(0));
    assert!(!world.is_redacted(&room, &second).await);
}
