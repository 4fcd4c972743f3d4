//! Addresses that are added to accounts, and taken away.

use homeserver::error::ErrorKind;
use serde_json::{Value, json};

use super::{ADD, ADDRESS, add, confirm, request, start};

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_added_once_it_is_confirmed() {
    let (server, mailbox) = start(|_| {}).await;
    let alice = server.user("alice").await;
    let asked = request(&alice, ADD, "Alice@Mailbox.Test").await.expect("mail can be sent");
    let body = json!({ "sid": asked["sid"], "client_secret": "secret", "auth": alice.confirmation() });
    let mail = mailbox.next().await;

    let early = alice.post("/_matrix/client/v3/account/3pid/add", body.clone()).await;
    confirm(&alice, &mail).await;
    let mut unproved = body.clone();
    unproved["auth"] = Value::Null;
    let unproved = alice.post("/_matrix/client/v3/account/3pid/add", unproved).await;
    let mut other = body.clone();
    other["client_secret"] = json!("another");
    let other = alice.post("/_matrix/client/v3/account/3pid/add", other).await;
    alice.post("/_matrix/client/v3/account/3pid/add", body.clone()).await.expect("it is confirmed");
    let again = alice.post("/_matrix/client/v3/account/3pid/add", body).await;

    assert_eq!(mail.to, [ADDRESS]);
    assert!(mail.head.contains("Subject: test.local: Confirm your e-mail address"), "{}", mail.head);
    assert!(mail.head.contains("From: Salon <noreply@test.local>"), "{}", mail.head);
    assert!(mail.head.contains("Auto-Submitted: auto-generated"), "{}", mail.head);
    for refused in [early, other, again] {
        let refused = refused.expect_err("it is not, or no longer, confirmed");
        assert_eq!(refused.status, 403);
        refused.assert_is(&ErrorKind::ThreepidAuthFailed);
    }
    assert_eq!(unproved.expect_err("the password is missing").status, 401);
    let list = alice.get("/_matrix/client/v3/account/3pid").await.expect("they can be listed");
    let email = &list["threepids"][0];
    assert_eq!((&email["medium"], &email["address"]), (&json!("email"), &json!(ADDRESS)));
    assert!(email["validated_at"].is_number() && email["added_at"].is_number());
    let capabilities = alice.get("/_matrix/client/v3/capabilities").await.expect("they can be asked for");
    assert_eq!(capabilities["capabilities"]["m.3pid_changes"], json!({ "enabled": true }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deprecated_way_to_add_an_address_needs_the_same_proofs() {
    let (server, mailbox) = start(|_| {}).await;
    let alice = server.user("alice").await;
    let asked = request(&alice, ADD, ADDRESS).await.expect("mail can be sent");
    confirm(&alice, &mailbox.next().await).await;
    let mut body = json!({ "three_pid_creds": { "sid": asked["sid"], "client_secret": "secret" } });

    let unproved = alice.post("/_matrix/client/v3/account/3pid", body.clone()).await;
    body["auth"] = alice.confirmation();
    let nobody = alice.logged_out().post("/_matrix/client/v3/account/3pid", body.clone()).await;
    let malformed = alice.post("/_matrix/client/v3/account/3pid", json!({})).await;
    alice.post("/_matrix/client/v3/account/3pid", body).await.expect("it is confirmed");

    assert_eq!(unproved.expect_err("the password is missing").status, 401);
    nobody.expect_err("there is no token").assert_is(&ErrorKind::MissingToken);
    malformed.expect_err("nothing is there").assert_is(&ErrorKind::BadJson);
    let list = alice.get("/_matrix/client/v3/account/3pid").await.expect("they can be listed");
    assert_eq!(list["threepids"][0]["address"], ADDRESS);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_belongs_to_one_account_and_only_its_owner_learns_that() {
    let (server, mailbox) = start(|_| {}).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    add(&alice, &mailbox, ADDRESS).await;

    let asked = request(&bob, ADD, ADDRESS).await.expect("nobody can tell");
    let told = mailbox.next().await;
    let body = json!({ "sid": asked["sid"], "client_secret": "secret", "auth": bob.confirmation() });
    let refused = bob.post("/_matrix/client/v3/account/3pid/add", body).await;

    assert!(told.text.contains("belongs to an") && !told.text.contains("https://"), "{}", told.text);
    refused.expect_err("there was no link").assert_is(&ErrorKind::ThreepidAuthFailed);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_confirm_the_same_address_do_not_both_get_it() {
    let (server, mailbox) = start(|_| {}).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let mut bodies = Vec::new();
    for (user, secret) in [(&alice, "of alice"), (&bob, "of-bob")] {
        let secret = secret.replace(' ', "-");
        let body = json!({ "client_secret": secret, "email": ADDRESS, "send_attempt": 1 });
        let asked = user.post(ADD, body).await.expect("mail can be sent");
        confirm(user, &mailbox.next().await).await;
        bodies.push(json!({ "sid": asked["sid"], "client_secret": secret, "auth": user.confirmation() }));
    }

    let path = "/_matrix/client/v3/account/3pid/add";
    let outcomes = tokio::join!(alice.post(path, bodies[0].clone()), bob.post(path, bodies[1].clone()));

    let refused = match outcomes {
        (Ok(_), Err(refusal)) | (Err(refusal), Ok(_)) => refusal,
        both => panic!("one of them gets it: {both:?}"),
    };
    refused.assert_is(&ErrorKind::ThreepidInUse);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_removed_and_told_so() {
    let (server, mailbox) = start(|_| {}).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    add(&alice, &mailbox, ADDRESS).await;
    let path = "/_matrix/client/v3/account/3pid/delete";
    let body = json!({ "medium": "email", "address": "ALICE@mailbox.test" });

    bob.post(path, body.clone()).await.expect("it is not theirs, and nothing happens");
    let before = alice.get("/_matrix/client/v3/account/3pid").await.expect("they can be listed");
    let answer = alice.post(path, body).await.expect("it can be removed");

    assert_eq!(before["threepids"].as_array().expect("a list").len(), 1);
    assert!(answer["id_server_unbind_result"].is_string());
    assert_eq!(alice.get("/_matrix/client/v3/account/3pid").await.expect("a list"), json!({ "threepids": [] }));
    let told = mailbox.next().await;
    assert!(told.to == [ADDRESS] && told.text.contains("was removed"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_account_lets_its_addresses_go() {
    let (server, mailbox) = start(|_| {}).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    add(&alice, &mailbox, ADDRESS).await;
    alice
        .post("/_matrix/client/v3/account/deactivate", json!({ "auth": alice.confirmation() }))
        .await
        .expect("it is confirmed");

    let body = json!({ "client_secret": "of-bob", "email": ADDRESS, "send_attempt": 1 });
    let asked = bob.post(ADD, body).await.expect("mail can be sent");
    confirm(&bob, &mailbox.next().await).await;
    let body = json!({ "sid": asked["sid"], "client_secret": "of-bob", "auth": bob.confirmation() });
    bob.post("/_matrix/client/v3/account/3pid/add", body).await.expect("nobody has it any more");
}
