//! Rules about e-mail addresses, as accounts have them.

use std::time::Duration;

use homeserver::error::ErrorKind;
use serde_json::json;

use super::{API, administrator, assert_forbidden, lift, lives::park, lives::within_a_second, rule, try_rule};
use crate::emails::{ADD, REGISTER, add, request, start};

const CREATE: &str = "/_matrix/client/v3/createRoom";

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_is_refused_at_registration_and_where_addresses_are_added() {
    let (server, _mailbox) = start(|_| {}).await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;

    rule(&root, "server", "email_domain spam.test server deny").await;
    rule(&root, "newcomers", "email_domain throwaway.test registration deny").await;

    for (user, path, email) in [
        (&server.anonymous(), REGISTER, "a@spam.test"),
        (&server.anonymous(), REGISTER, "a@mail.throwaway.test"),
        (&alice, ADD, "a@Spam.Test"),
    ] {
        request(user, path, email).await.expect_err("it is refused").assert_is(&ErrorKind::ThreepidDenied);
    }
    request(&alice, ADD, "a@throwaway.test").await.expect("only newcomers are refused for this one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_domain_cuts_sessions_off_at_once_and_spares_others() {
    let (server, mailbox) = start(|_| {}).await;
    let root = administrator(&server).await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    add(&alice, &mailbox, "alice@bad.test").await;
    add(&bob, &mailbox, "bob@good.test").await;
    add(&carol, &mailbox, "carol@bad.test").await;
    rule(&root, "hole", "email carol@bad.test server allow").await;
    let (of_alice, of_bob) = (park(&server, &alice).await, park(&server, &bob).await);

    let change = json!({ "kind": "email_domain", "value": "bad.test", "scope": "server", "effect": "deny" });
    let told = root.put(&format!("{API}/rules/ban?dry_run=true"), change).await.expect("it is told");
    rule(&root, "ban", "email_domain bad.test server deny").await;
    let refusal = within_a_second(of_alice).await.expect_err("it is cut off");

    assert_eq!((&told["preview"]["users"], &told["preview"]["live_requests"]), (&json!([alice.id]), &json!(1)));
    refusal.assert_is(&ErrorKind::UserLocked);
    assert!(!of_bob.is_finished());
    alice.post(CREATE, json!({})).await.expect_err("and stays out").assert_is(&ErrorKind::UserLocked);
    for spared in [&bob, &carol] {
        spared.post(CREATE, json!({})).await.expect("others are spared");
    }
    lift(&root, "ban").await;
    alice.post(CREATE, json!({})).await.expect("the same session is good again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_is_kept_out_of_one_room() {
    let (server, mailbox) = start(|_| {}).await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    add(&alice, &mailbox, "alice@bad.test").await;
    let (closed, open) = (bob.create_public_room().await, bob.create_public_room().await);

    rule(&root, "room", &format!("email_domain bad.test room:{closed} deny")).await;

    assert_forbidden(alice.try_join(&closed).await);
    alice.join(&open).await;
    server.user("carol").await.join(&closed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feature_can_need_a_verified_address() {
    let (server, mailbox) = start(|_| {}).await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    rule(&root, "verified", "everyone - feature:create_room require_verified_email").await;

    assert_forbidden(alice.post(CREATE, json!({})).await);
    add(&alice, &mailbox, "alice@good.test").await;
    alice.post(CREATE, json!({})).await.expect("the address is known at once");
    let address = json!({ "medium": "email", "address": "alice@good.test" });
    alice.post("/_matrix/client/v3/account/3pid/delete", address).await.expect("it can be removed");
    assert_forbidden(alice.post(CREATE, json!({})).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_another_process_added_counts_after_ten_seconds() {
    let (server, mailbox) = start(|_| {}).await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    rule(&root, "verified", "everyone - feature:create_room require_verified_email").await;
    let elsewhere = server.another_process().await;
    let caller = server.caller(&alice).await;
    let create = homeserver::access::feature::Feature::CreateRoom;
    elsewhere.access.gates.feature(&caller.visitor(), create).await.expect_err("there is no address");

    add(&alice, &mailbox, "alice@good.test").await;
    server.app.clock.advance(Duration::from_secs(10));

    elsewhere.access.gates.feature(&caller.visitor(), create).await.expect("it was looked for anew");
    elsewhere.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_not_locked_out_by_their_addresses() {
    let (server, mailbox) = start(|_| {}).await;
    let root = administrator(&server).await;
    add(&root, &mailbox, "root@good.test").await;

    assert_forbidden(try_rule(&root, "ban", "email_domain good.test server deny", json!({})).await);
}
