//! The levels of a lockdown, what they close, and how they end.

use std::time::Duration;

use homeserver_testing::{Answer, TestMailbox, TestUser};
use serde_json::{Value, json};

use crate::support::World;

const CREATE: &str = "/_matrix/client/v3/createRoom";
const REGISTER: &str = "/_matrix/client/v3/register";

async fn register(nobody: &TestUser, name: &str, auth: Value) -> Answer<Value> {
    nobody.post(REGISTER, json!({ "username": name, "password": "long enough", "auth": auth })).await
}

/// Proves an address and says so, as a stage of registering.
async fn proof(nobody: &TestUser, mailbox: &TestMailbox, email: &str) -> Value {
    let body = json!({ "client_secret": "secret", "email": email, "send_attempt": 1 });
    let asked = nobody.post(&format!("{REGISTER}/email/requestToken"), body).await.expect("mail can be sent");
    let token = mailbox.next().await.token();
    let click = nobody.call(reqwest::Method::POST, "/_salon/email/confirm").body(format!("token={token}"));
    assert_eq!(click.send().await.expect("it answers").status(), 200);
    let credentials = json!({ "sid": asked["sid"], "client_secret": "secret" });
    json!({ "type": "m.login.email.identity", "threepid_creds": credentials })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lockdown_closes_step_by_step_and_spares_the_staff() {
    let world = World::start().await;
    let alice = world.server.user("alice").await;

    let (_, begun) = world.confirm("!mod lockdown 3 --for 1h").await;
    alice.post(CREATE, json!({})).await.expect_err("nobody makes rooms");
    world.root.post(CREATE, json!({})).await.expect("but those who look after the server");
    let told = world.command("!mod lockdown").await;
    world.command("!mod lockdown off").await;

    assert!(begun.contains("Lockdown 3: done"), "{begun}");
    assert!(told.starts_with("Lockdown 3, for"), "{told}");
    alice.post(CREATE, json!({})).await.expect("it has ended");
    assert_eq!(world.command("!mod lockdown").await, "There is no lockdown.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lockdown_ends_by_itself() {
    let world = World::start().await;
    let alice = world.server.user("alice").await;

    let (proposed, _) = world.confirm("!mod lockdown 2").await;
    let room = alice.post(CREATE, json!({})).await;
    world.advance(Duration::from_secs(2 * 3600 + 1));

    assert!(proposed.contains("Lockdown 2 for 2 hours") && proposed.contains("nobody invites"), "{proposed}");
    room.expect_err("nobody makes rooms at any stricter level");
    alice.post(CREATE, json!({})).await.expect("it has ended");
    world.until("it is told so", async || world.command("!mod lockdown").await == "There is no lockdown.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_strictest_level_lets_nobody_write_but_the_staff() {
    let world = World::start().await;
    let alice = world.server.user("alice").await;
    let room = world.root.create_public_room().await;
    alice.join(&room).await;

    let (_, begun) = world.confirm("!mod lockdown 1").await;
    alice.try_say(&room, "hello").await.expect_err("nobody writes");
    world.root.say(&room, "hello").await;
    let undone = world.command(&format!("!mod undo {}", world.case_in(&begun))).await;

    assert!(undone.contains("Lockdown 1 is undone."), "{undone}");
    alice.say(&room, "hello again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mildest_level_takes_only_accounts_with_a_proved_address() {
    let mailbox = TestMailbox::start().await;
    let world = World::start_with(|config| {
        mailbox.configure(config);
        config.mail.tell_of_sign_ins = false;
    })
    .await;
    let nobody = world.server.anonymous();
    let dummy = || json!({ "type": "m.login.dummy" });
    let proved = proof(&nobody, &mailbox, "alice@mailbox.test").await;

    world.confirm("!mod lockdown 4").await;
    let told = world.command("!mod lockdown").await;
    let without = register(&nobody, "eve", dummy()).await;
    let with = register(&nobody, "alice", proved).await;
    world.confirm("!mod lockdown 3").await;
    let waiting = register(&nobody, "bob", dummy()).await.expect("whoever registers waits for an approval instead");
    let stricter = world.command("!mod lockdown").await;
    world.command("!mod lockdown off").await;

    assert!(told.starts_with("Lockdown 4, for 2 hours more."), "{told}");
    assert_eq!(without.expect_err("there is no address").body["errcode"], "M_FORBIDDEN");
    with.expect("the address is proved");
    let bob = nobody.with_session("X", waiting["access_token"].as_str().expect("a token"));
    assert_eq!(bob.post(CREATE, json!({})).await.expect_err("he waits").body["errcode"], "M_USER_SUSPENDED");
    assert!(stricter.starts_with("Lockdown 3, for"), "{stricter}");
    register(&nobody, "carol", dummy()).await.expect("it has ended");
}
