//! Cross-signing keys and signatures.

use homeserver::{error::ErrorKind, keys::CrossSigningKeys};
use homeserver_testing::{Signer, TestServer, TestUser};
use serde_json::{Value, json};

/// The three cross-signing keys of a user.
struct Identity {
    master: Signer,
    self_signing: Signer,
    user_signing: Signer,
}

impl Identity {
    fn new() -> Self {
        let [master, self_signing, user_signing] = std::array::from_fn(|_| Signer::cross_signing());
        Self { master, self_signing, user_signing }
    }

    async fn publish(user: &TestUser) -> Self {
        let identity = Self::new();
        user.upload_cross_signing_keys(identity.upload(user)).await.expect("the first keys need no confirmation");
        identity
    }

    fn upload(&self, user: &TestUser) -> Value {
        json!({
            "master_key": user.cross_signing_key("master", &self.master),
            "self_signing_key":
                self.master.sign(&user.id, user.cross_signing_key("self_signing", &self.self_signing)),
            "user_signing_key":
                self.master.sign(&user.id, user.cross_signing_key("user_signing", &self.user_signing)),
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn published_cross_signing_keys_are_seen_by_those_who_may() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;

    let identity = Identity::publish(&alice).await;

    let upload = identity.upload(&alice);
    let own = alice.query_keys(&alice.id).await;
    let others = bob.query_keys(&alice.id).await;
    assert_eq!(own["master_keys"][alice.id.as_str()], upload["master_key"]);
    assert_eq!(own["self_signing_keys"][alice.id.as_str()], upload["self_signing_key"]);
    assert_eq!(own["user_signing_keys"][alice.id.as_str()], upload["user_signing_key"]);
    assert_eq!(others["master_keys"][alice.id.as_str()], upload["master_key"]);
    assert_eq!(others["self_signing_keys"][alice.id.as_str()], upload["self_signing_key"]);
    assert!(others["user_signing_keys"].is_null(), "{others}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_the_master_key_has_not_signed_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let identity = Identity::new();
    let stranger = Signer::cross_signing();
    let mut forged = identity.upload(&alice);
    // The name of the right key with a signature of another.
    let by_stranger = stranger.sign(&alice.id, alice.cross_signing_key("self_signing", &identity.self_signing));
    let signature = &by_stranger["signatures"][alice.id.as_str()][format!("ed25519:{}", stranger.public_key)];
    let master = format!("ed25519:{}", identity.master.public_key);
    forged["self_signing_key"]["signatures"][alice.id.as_str()][&master] = signature.clone();
    let mut unsigned = identity.upload(&alice);
    unsigned["user_signing_key"].as_object_mut().expect("a key").remove("signatures");
    let mut alone = identity.upload(&alice);
    alone.as_object_mut().expect("keys").remove("master_key");

    let forged = alice.upload_cross_signing_keys(forged).await.expect_err("the signature is forged");
    let unsigned = alice.upload_cross_signing_keys(unsigned).await.expect_err("there is no signature");
    let alone = alice.upload_cross_signing_keys(alone).await.expect_err("there is no master key");

    assert_eq!(forged.body["errcode"], "M_INVALID_SIGNATURE");
    assert_eq!(unsigned.body["errcode"], "M_INVALID_SIGNATURE");
    alone.assert_is(&ErrorKind::MissingParam);
    assert!(alice.query_keys(&alice.id).await["master_keys"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_cross_signing_keys_are_refused() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let key = Signer::cross_signing();
    let mut two_keys = alice.cross_signing_key("master", &key);
    let other = Signer::cross_signing().public_key;
    two_keys["keys"][format!("ed25519:{other}")] = json!(other);
    let mut misnamed = alice.cross_signing_key("master", &key);
    misnamed["keys"] = json!({ format!("ed25519:{other}"): key.public_key });
    let mut short = alice.cross_signing_key("master", &key);
    short["keys"] = json!({ "ed25519:c2hvcnQ": "c2hvcnQ" });

    for malformed in [
        two_keys,
        misnamed,
        short,
        alice.cross_signing_key("self_signing", &key),
        bob.cross_signing_key("master", &key),
    ] {
        let refusal = alice.upload_cross_signing_keys(json!({ "master_key": malformed })).await;
        refusal.expect_err("the key is malformed").assert_is(&ErrorKind::InvalidParam);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_cannot_serve_two_purposes() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let key = Signer::cross_signing();
    let body = json!({
        "master_key": alice.cross_signing_key("master", &key),
        "self_signing_key": key.sign(&alice.id, alice.cross_signing_key("self_signing", &key)),
    });

    let refusal = alice.upload_cross_signing_keys(body).await.expect_err("the key is used twice");

    refusal.assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_keys_can_be_uploaded_again_and_others_need_confirmation() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let identity = Identity::publish(&alice).await;

    let again = alice.upload_cross_signing_keys(identity.upload(&alice)).await;
    let others = alice.upload_cross_signing_keys(Identity::new().upload(&alice)).await;

    again.expect("the same keys need no confirmation");
    others.expect_err("other keys need confirmation");
    let found = &alice.query_keys(&alice.id).await["master_keys"][alice.id.as_str()];
    assert_eq!(*found, identity.upload(&alice)["master_key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_master_key_takes_along_the_keys_it_has_signed_and_no_others() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let device = alice.publish_device_keys().await;
    let mut identity = Identity::publish(&alice).await;
    let signed = identity.self_signing.sign(&alice.id, alice.device_keys(&device));
    alice.upload_signatures(json!({ alice.id.as_str(): { alice.device_id.as_str(): signed } })).await;
    identity.master = Signer::cross_signing();
    let upload = identity.upload(&alice);

    let caller = server
        .app
        .accounts
        .sessions
        .authenticate(&alice.token, std::net::Ipv4Addr::LOCALHOST.into())
        .await
        .expect("the token is valid");
    let keys = CrossSigningKeys {
        master: serde_json::from_value(upload["master_key"].clone()).expect("a key"),
        self_signing: serde_json::from_value(upload["self_signing_key"].clone()).expect("a key"),
        user_signing: None,
    };
    server.app.keys.upload_cross_signing_keys(&caller, keys, async || Ok(())).await.expect("it is confirmed");

    let found = alice.query_keys(&alice.id).await;
    assert_eq!(found["master_keys"][alice.id.as_str()], upload["master_key"]);
    assert_eq!(found["self_signing_keys"][alice.id.as_str()], upload["self_signing_key"]);
    assert!(found["user_signing_keys"].is_null(), "{found}");
    let device_keys = &found["device_keys"][alice.id.as_str()][alice.device_id.as_str()];
    assert_eq!(device_keys["signatures"], signed["signatures"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_by_the_self_signing_key_is_seen_by_all() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let device = alice.publish_device_keys().await;
    let identity = Identity::publish(&alice).await;
    let signed = identity.self_signing.sign(&alice.id, alice.device_keys(&device));

    let failures = alice.upload_signatures(json!({ alice.id.as_str(): { alice.device_id.as_str(): signed } })).await;

    assert!(failures.is_null(), "{failures}");
    let found = &bob.query_keys(&alice.id).await["device_keys"][alice.id.as_str()][alice.device_id.as_str()];
    assert_eq!(found["signatures"], signed["signatures"]);
    assert_eq!(found["signatures"][alice.id.as_str()].as_object().expect("signatures").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_signatures_fail_one_by_one_and_are_not_stored() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let device = alice.publish_device_keys().await;
    let identity = Identity::publish(&alice).await;
    Identity::publish(&bob).await;
    let mut signed = identity.self_signing.sign(&alice.id, alice.device_keys(&device));
    let self_signing = format!("ed25519:{}", identity.self_signing.public_key);
    let own = format!("ed25519:{}", alice.device_id);
    signed["signatures"][alice.id.as_str()][&self_signing] = signed["signatures"][alice.id.as_str()][&own].clone();
    let mut other_key = alice.device_keys(&device);
    other_key["algorithms"] = json!([]);
    let other_key = identity.self_signing.sign(&alice.id, other_key);
    let master = identity.upload(&alice)["master_key"].clone();

    let failures = alice
        .upload_signatures(json!({
            alice.id.as_str(): {
                alice.device_id.as_str(): signed,
                "UNKNOWN": other_key,
                identity.master.public_key.as_str(): device.sign(&alice.id, master),
            },
            bob.id.as_str(): { bob.device_id.as_str(): bob.device_keys(&Signer::device(&bob.device_id)) },
        }))
        .await;

    let own_failures = &failures[alice.id.as_str()];
    assert_eq!(own_failures[alice.device_id.as_str()]["errcode"], "M_INVALID_SIGNATURE", "{failures}");
    assert_eq!(own_failures["UNKNOWN"]["errcode"], "M_NOT_FOUND", "{failures}");
    assert_eq!(own_failures.as_object().expect("failures").len(), 2, "{failures}");
    assert_eq!(failures[bob.id.as_str()][bob.device_id.as_str()]["errcode"], "M_NOT_FOUND", "{failures}");
    let found = bob.query_keys(&alice.id).await;
    let device_keys = &found["device_keys"][alice.id.as_str()][alice.device_id.as_str()];
    assert_eq!(device_keys["signatures"][alice.id.as_str()].as_object().expect("signatures").len(), 1);
    let signatures = &found["master_keys"][alice.id.as_str()]["signatures"][alice.id.as_str()];
    assert!(signatures[&own].is_string(), "the device's signature on the master key is seen: {found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_user_has_verified_is_seen_by_that_user_alone() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let alices = Identity::publish(&alice).await;
    let bobs = Identity::publish(&bob).await;
    let signed = alices.user_signing.sign(&alice.id, bobs.upload(&bob)["master_key"].clone());

    let failures =
        alice.upload_signatures(json!({ bob.id.as_str(): { bobs.master.public_key.as_str(): signed } })).await;

    assert!(failures.is_null(), "{failures}");
    assert_eq!(alice.query_keys(&bob.id).await["master_keys"][bob.id.as_str()], signed);
    for other in [&bob, &carol] {
        let seen = other.query_keys(&bob.id).await;
        assert_eq!(seen["master_keys"][bob.id.as_str()], bobs.upload(&bob)["master_key"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_does_not_outlive_the_keys_it_is_on() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let device = alice.publish_device_keys().await;
    let identity = Identity::publish(&alice).await;
    let signed = identity.self_signing.sign(&alice.id, alice.device_keys(&device));
    alice.upload_signatures(json!({ alice.id.as_str(): { alice.device_id.as_str(): signed } })).await;

    alice.publish_device_keys().await;

    let found = &alice.query_keys(&alice.id).await["device_keys"][alice.id.as_str()][alice.device_id.as_str()];
    assert_eq!(found["signatures"][alice.id.as_str()].as_object().expect("signatures").len(), 1);
}
