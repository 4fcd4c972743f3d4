//! What a proof of an address is good for besides: a new password, a new account, logging in.

use homeserver::{config::RegistrationMode, error::ErrorKind};
use serde_json::json;

use super::{ADD, ADDRESS, REGISTER, RESET, add, confirm, proof, request, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_reset_by_mail() {
    let (server, mailbox) = start(|_| {}).await;
    let alice = server.user("alice").await;
    add(&alice, &mailbox, ADDRESS).await;
    let nobody = server.anonymous();
    let path = "/_matrix/client/v3/account/password";
    let asked = request(&nobody, RESET, ADDRESS).await.expect("mail can be sent");
    let mail = mailbox.next().await;
    let challenge = nobody.post(path, json!({ "new_password": "a new password" })).await.expect_err("no proof");
    assert_eq!(challenge.status, 401);
    assert_eq!(challenge.body["flows"], json!([{ "stages": ["m.login.email.identity"] }]));
    let mut body = json!({ "new_password": "a new password", "auth": proof(&asked["sid"]) });
    body["auth"]["session"] = challenge.body["session"].clone();

    let early = nobody.post(path, body.clone()).await.expect_err("it is not confirmed");
    confirm(&nobody, &mail).await;
    nobody.post(path, body.clone()).await.expect("it is confirmed");

    assert_eq!((early.status.as_u16(), &early.body["errcode"]), (401, &json!("M_THREEPID_AUTH_FAILED")));
    assert!(!alice.is_logged_in().await, "all sessions end");
    alice.try_login(json!({})).await.expect_err("the password is old").assert_is(&ErrorKind::Forbidden);
    alice.try_login(json!({ "password": "a new password" })).await.expect("the password is new");
    body["auth"].as_object_mut().expect("an object").remove("session");
    assert_eq!(nobody.post(path, body).await.expect_err("the proof is used up").status, 401);
    assert!(mailbox.next().await.text.contains("was changed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_which_addresses_have_accounts() {
    let (server, mailbox) = start(|_| {}).await;
    let alice = server.user("alice").await;
    add(&alice, &mailbox, ADDRESS).await;
    let nobody = server.anonymous();

    for path in [REGISTER, RESET, ADD] {
        for (address, is_known) in [(ADDRESS, true), ("nobody@mailbox.test", false)] {
            let answer = request(&nobody, path, address).await.expect("nobody can tell");

            let members: Vec<_> = answer.as_object().expect("an object").keys().collect();
            assert_eq!(members, ["sid"]);
            assert_eq!(answer["sid"].as_str().map(str::len), Some(32));
            if is_known || path != RESET {
                assert_eq!(mailbox.next().await.to, [address]);
            }
        }
    }
    let left = "select count(*) from outgoing_mail";
    while server.scalar::<i64>(left).await > 0 {
        tokio::task::yield_now().await;
    }
    assert!(mailbox.is_empty().await, "nothing was sent to who has no account");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_is_good_for_its_purpose_alone() {
    let (server, mailbox) = start(|_| {}).await;
    let alice = server.user("alice").await;
    let asked = request(&alice, REGISTER, ADDRESS).await.expect("mail can be sent");
    confirm(&alice, &mailbox.next().await).await;

    let body = json!({ "sid": asked["sid"], "client_secret": "secret", "auth": alice.confirmation() });
    let added = alice.post("/_matrix/client/v3/account/3pid/add", body).await;

    added.expect_err("it was to register").assert_is(&ErrorKind::ThreepidAuthFailed);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_registers_can_or_must_confirm_an_address() {
    for must in [false, true] {
        let (server, mailbox) = start(|config| config.registration.require_email = must).await;
        let nobody = server.anonymous();
        let path = "/_matrix/client/v3/register";
        let account = json!({ "username": "alice", "password": "long enough" });
        let challenge = nobody.post(path, account.clone()).await.expect_err("nothing is proved");
        let with = json!({ "stages": ["m.login.email.identity"] });
        let flows = if must { json!([with]) } else { json!([{ "stages": ["m.login.dummy"] }, with]) };
        assert_eq!(challenge.body["flows"], flows);
        let asked = request(&nobody, REGISTER, ADDRESS).await.expect("mail can be sent");
        confirm(&nobody, &mailbox.next().await).await;
        let mut body = account.clone();
        body["auth"] = proof(&asked["sid"]);
        body["auth"]["session"] = challenge.body["session"].clone();

        let answer = nobody.post(path, body).await.expect("the address is confirmed");

        let alice = nobody.with_session("X", answer["access_token"].as_str().expect("a token"));
        let list = alice.get("/_matrix/client/v3/account/3pid").await.expect("they can be listed");
        assert_eq!(list["threepids"][0]["address"], ADDRESS);
        let mut without = json!({ "username": "bob", "password": "long enough", "auth": { "type": "m.login.dummy" } });
        assert_eq!(nobody.post(path, without.clone()).await.is_err(), must);
        without["username"] = json!("carol");
        without["auth"] = proof(&asked["sid"]);
        assert_eq!(nobody.post(path, without).await.expect_err("it is used up").status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_registers_by_token_proves_both() {
    let (server, mailbox) = start(|config| {
        config.registration.mode = RegistrationMode::Token;
        config.registration.require_email = true;
    })
    .await;
    let tokens = &server.app.accounts.registration;
    let token = tokens.create_token(homeserver::audit::Actor::operator(), Default::default()).await;
    let token = token.expect("it can be created");
    let nobody = server.anonymous();
    let asked = request(&nobody, REGISTER, ADDRESS).await.expect("mail can be sent");
    confirm(&nobody, &mailbox.next().await).await;
    let mut body = json!({ "username": "alice", "password": "long enough" });
    body["auth"] = json!({ "type": "m.login.registration_token", "token": token });
    let path = "/_matrix/client/v3/register";

    let next = nobody.post(path, body.clone()).await.expect_err("one stage is left");
    body["auth"] = proof(&asked["sid"]);
    body["auth"]["session"] = next.body["session"].clone();
    nobody.post(path, body).await.expect("both are proved");

    assert_eq!(next.body["flows"], json!([{ "stages": ["m.login.registration_token", "m.login.email.identity"] }]));
    assert_eq!(next.body["completed"], json!(["m.login.registration_token"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_can_log_in_by_an_address() {
    let (server, mailbox) = start(|_| {}).await;
    let alice = server.user("alice").await;
    add(&alice, &mailbox, ADDRESS).await;
    let by = |address: &str| json!({ "type": "m.id.thirdparty", "medium": "email", "address": address });

    let answer = alice.try_login(json!({ "identifier": by("Alice@mailbox.test") })).await.expect("it is her address");
    let wrong = alice.try_login(json!({ "identifier": by(ADDRESS), "password": "wrong" })).await;
    let unknown = alice.try_login(json!({ "identifier": by("nobody@mailbox.test") })).await;

    assert_eq!(answer["user_id"], "@alice:test.local");
    let [wrong, unknown] = [wrong, unknown].map(|refused| refused.expect_err("this is nobody's").body);
    assert_eq!(wrong, unknown);
}
