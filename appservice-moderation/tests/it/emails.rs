//! E-mail domains: at registration, where addresses are added, in one room, and cut off at once.

use homeserver_testing::{Answer, TestMailbox, TestUser};
use serde_json::{Value, json};

use crate::support::World;

const REGISTER: &str = "/_matrix/client/v3/register/email/requestToken";
const ADD: &str = "/_matrix/client/v3/account/3pid/email/requestToken";

async fn start() -> (World, TestMailbox) {
    let mailbox = TestMailbox::start().await;
    let world = World::start_with(|config| {
        mailbox.configure(config);
        config.mail.tell_of_sign_ins = false;
    })
    .await;
    (world, mailbox)
}

async fn request(user: &TestUser, path: &str, email: &str) -> Answer<Value> {
    user.post(path, json!({ "client_secret": "secret", "email": email, "send_attempt": 1 })).await
}

/// Adds an address to a user's account.
async fn add(user: &TestUser, mailbox: &TestMailbox, email: &str) {
    let asked = request(user, ADD, email).await.expect("mail can be sent");
    let mail = mailbox.next().await;
    let click = user.call(reqwest::Method::POST, "/_salon/email/confirm").body(format!("token={}", mail.token()));
    assert_eq!(click.send().await.expect("it answers").status(), 200);
    let body = json!({ "sid": asked["sid"], "client_secret": "secret", "auth": user.confirmation() });
    user.post("/_matrix/client/v3/account/3pid/add", body).await.expect("it is confirmed");
    mailbox.next().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_is_banned_at_registration_and_where_addresses_are_added() {
    let (world, _mailbox) = start().await;
    let alice = world.server.user("alice").await;

    world.confirm("!mod ban domain:spam.test").await;
    world.confirm("!mod ban domain:throwaway.test --scope registration").await;

    for (user, path, email) in [
        (&world.server.anonymous(), REGISTER, "a@throwaway.test"),
        (&world.server.anonymous(), REGISTER, "a@mail.spam.test"),
        (&alice, ADD, "a@spam.test"),
    ] {
        let refusal = request(user, path, email).await.expect_err("it is refused");
        assert_eq!(refusal.body["errcode"], "M_THREEPID_DENIED", "{refusal:?}");
    }
    world.command("!mod unban domain:spam.test").await;
    request(&alice, ADD, "a@spam.test").await.expect("it is allowed again");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_such_an_address_is_kept_out_of_one_room_or_of_the_server() {
    let (world, mailbox) = start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    add(&alice, &mailbox, "alice@bad.test").await;
    let (closed, open) = (world.protected_room(&bob).await, world.protected_room(&bob).await);

    world.confirm(&format!("!mod ban domain:bad.test --room {closed}")).await;
    alice.try_join(&closed).await.expect_err("her address is in the way");
    alice.join(&open).await;
    let (proposed, outcome) = world.confirm("!mod ban email:alice@bad.test --reason spam").await;
    let refusal = alice.try_say(&open, "hello").await.expect_err("she is kept out");
    bob.say(&open, "hello").await;
    world.command(&format!("!mod undo {}", world.case_in(&outcome))).await;

    assert!(proposed.contains("Deny email:a…@bad.test") && proposed.contains("1 account (@alice:test.local)"));
    assert_eq!(refusal.body["errcode"], "M_USER_LOCKED");
    alice.say(&open, "hello again").await;
    let sql = world.in_own_database("select count(*) from `{}`.jobs where instr(act, 'alice@bad.test') > 0");
    let kept: i64 = world.server.scalar(&sql).await;
    assert_eq!(kept, 0, "the address stays with the homeserver, which seals it");
}
