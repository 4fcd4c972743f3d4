//! Who comes into rooms and who goes.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser, segment};
use ruma::{
    OwnedRoomId, RoomId,
    serde::{Base64, base64::Standard},
    signatures::{Ed25519KeyPair, sign_json},
};
use serde_json::{Value, json};

async fn refused(user: &TestUser, room: &RoomId, act: &str, other: &TestUser) {
    let refusal = user.try_act_on(room, act, other).await.expect_err(act);
    refusal.assert_is(&ErrorKind::Forbidden);
}

async fn set_membership(user: &TestUser, room: &RoomId, of: &TestUser, content: Value) -> Result<(), String> {
    let set = user.try_set_state(room, "m.room.member", of.id.as_str(), content).await;
    set.map(drop).map_err(|refusal| refusal.body["errcode"].as_str().unwrap_or_default().to_owned())
}

async fn room_with_rule(user: &TestUser, version: &str, content: Value) -> OwnedRoomId {
    let rule = json!({ "type": "m.room.join_rules", "content": content });
    user.create_room_with(json!({ "room_version": version, "initial_state": [rule] })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invited_person_comes_in_and_everybody_else_stays_out() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_room().await;

    alice.invite(&room, &bob).await;
    alice.invite(&room, &bob).await;
    bob.join(&room).await;

    assert_eq!(alice.membership_of(&room, &bob).await, "join");
    carol.try_join(&room).await.expect_err("carol is not invited").assert_is(&ErrorKind::Forbidden);
    let nowhere = RoomId::parse("!nowhere:test.local").expect("a room ID");
    carol.try_join(&nowhere).await.expect_err("no such room").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn invitations_are_refused_where_they_make_no_sense() {
    let server = TestServer::start().await;
    let [alice, bob, carol, dave] = server.users(["alice", "bob", "carol", "dave"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    alice.ban(&room, &carol).await;

    refused(&alice, &room, "invite", &alice).await;
    refused(&alice, &room, "invite", &bob).await;
    refused(&alice, &room, "invite", &carol).await;
    refused(&dave, &room, "invite", &dave).await;
    refused(&bob, &room, "invite", &dave).await;
    let nobody = alice.try_act(&room, "invite", json!({ "user_id": "@nobody:test.local" })).await;
    nobody.expect_err("there is no such user").assert_is(&ErrorKind::NotFound);
    let address = json!({ "id_server": "x.test", "id_access_token": "x", "medium": "email", "address": "x@x.test" });
    alice.try_act(&room, "invite", address).await.expect_err("by e-mail").assert_is(&ErrorKind::ThreepidDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_twice_is_one_event() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;

    bob.join(&room).await;
    let before = bob.messages(&room, 100).await.len();
    bob.join(&room).await;

    assert_eq!(bob.messages(&room, 100).await.len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_join_says_besides_stands_in_the_event() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room_with(json!({ "preset": "public_chat", "room_alias_name": "here" })).await;

    let body = json!({ "foo": "bar", "reason": "curious", "membership": "ban", "join_authorised_via_users_server": 7 });
    bob.post("/_matrix/client/v3/join/%23here%3Atest.local", body).await.expect("bob may come in");

    let content = alice.state(&room, "m.room.member", bob.id.as_str()).await.expect("a membership");
    assert_eq!(content, json!({ "membership": "join", "foo": "bar", "reason": "curious" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_is_for_those_who_have_come() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_room().await;
    alice.invite(&room, &bob).await;
    alice.invite(&room, &carol).await;
    carol.join(&room).await;

    bob.leave(&room).await;
    bob.leave(&room).await;
    carol.leave(&room).await;

    assert_eq!(alice.membership_of(&room, &bob).await, "leave");
    assert_eq!(alice.membership_of(&room, &carol).await, "leave");
    let stranger = server.user("dave").await;
    stranger.try_act(&room, "leave", json!({})).await.expect_err("never there").assert_is(&ErrorKind::Forbidden);
    alice.ban(&room, &bob).await;
    bob.try_act(&room, "leave", json!({})).await.expect_err("banned").assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_to_an_empty_room_can_be_declined() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room().await;
    alice.invite(&room, &bob).await;
    alice.leave(&room).await;

    bob.leave(&room).await;

    bob.try_join(&room).await.expect_err("bob is no longer invited").assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn kicks_bans_and_their_end_need_somebody_they_fit() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_public_room().await;

    refused(&alice, &room, "kick", &bob).await;
    refused(&alice, &room, "unban", &bob).await;
    bob.join(&room).await;
    refused(&alice, &room, "unban", &bob).await;
    refused(&bob, &room, "kick", &alice).await;
    refused(&bob, &room, "ban", &carol).await;
    refused(&carol, &room, "kick", &bob).await;
    refused(&carol, &room, "ban", &bob).await;
    alice.kick(&room, &bob).await;
    refused(&alice, &room, "kick", &bob).await;
    alice.try_act(&room, "ban", json!({ "user_id": bob.id, "reason": "noise" })).await.expect("alice may ban");
    alice.try_act(&room, "ban", json!({ "user_id": bob.id, "reason": "noise" })).await.expect("alice may ban");
    refused(&alice, &room, "kick", &bob).await;
    let content = alice.state(&room, "m.room.member", bob.id.as_str()).await.expect("a membership");
    assert_eq!(content, json!({ "membership": "ban", "reason": "noise" }));
    refused(&bob, &room, "unban", &bob).await;
    alice.try_act_on(&room, "unban", &bob).await.expect("alice may end the ban");

    assert_eq!(alice.membership_of(&room, &bob).await, "leave");
    bob.join(&room).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_with_power_in_a_room_acts_there_without_being_in() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    alice.set_state(&room, "m.room.power_levels", "", json!({ "users": { carol.id.as_str(): 100 } })).await;

    for act in ["ban", "kick", "invite"] {
        refused(&carol, &room, act, &bob).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_knock_is_repeated_taken_back_declined_and_answered() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    for (version, rule) in [("7", "knock"), ("10", "knock_restricted"), ("12", "knock_restricted")] {
        let room = alice.create_room_with(json!({ "room_version": version })).await;
        let knock = async |reason: &str| bob.try_act(&room, "knock", json!({ "reason": reason })).await;

        knock("hello").await.expect_err("one cannot knock yet").assert_is(&ErrorKind::Forbidden);
        alice.set_state(&room, "m.room.join_rules", "", json!({ "join_rule": rule })).await;
        bob.try_join(&room).await.expect_err("bob is not invited").assert_is(&ErrorKind::Forbidden);
        for reason in ["hello", "hello", "it is me"] {
            let answer = knock(reason).await.expect("one can knock");
            assert_eq!(answer["room_id"], room.as_str());
        }
        let content = alice.state(&room, "m.room.member", bob.id.as_str()).await.expect("a membership");
        assert_eq!(content, json!({ "membership": "knock", "reason": "it is me" }));
        bob.leave(&room).await;
        bob.knock(&room).await;
        alice.kick(&room, &bob).await;
        bob.knock(&room).await;
        alice.invite(&room, &bob).await;
        knock("invited").await.expect_err("bob is invited").assert_is(&ErrorKind::Forbidden);
        bob.join(&room).await;
        knock("joined").await.expect_err("bob is in").assert_is(&ErrorKind::Forbidden);
        alice.ban(&room, &bob).await;
        knock("banned").await.expect_err("bob is banned").assert_is(&ErrorKind::Forbidden);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restricted_room_lets_in_the_members_of_another() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    for (version, rule) in [("8", "restricted"), ("10", "knock_restricted"), ("12", "restricted")] {
        let other = alice.create_public_room().await;
        let allow = json!([{ "type": "m.room_membership", "room_id": other, "via": ["test.local"] }]);
        let room = room_with_rule(&alice, version, json!({ "join_rule": rule, "allow": allow })).await;

        bob.try_join(&room).await.expect_err("bob is not in the other").assert_is(&ErrorKind::Forbidden);
        bob.join(&other).await;
        bob.join(&room).await;
        let content = alice.state(&room, "m.room.member", bob.id.as_str()).await.expect("a membership");
        assert_eq!(content["join_authorised_via_users_server"], alice.id.as_str());

        // Who is in already needs nobody's authority, and cannot claim it.
        let content = json!({ "membership": "join", "displayname": "B", "join_authorised_via_users_server": "unused" });
        set_membership(&bob, &room, &bob, content).await.expect("bob may change his name");
        let content = alice.state(&room, "m.room.member", bob.id.as_str()).await.expect("a membership");
        assert_eq!(content, json!({ "membership": "join", "displayname": "B" }));

        bob.leave(&room).await;
        bob.leave(&other).await;
        bob.try_join(&room).await.expect_err("bob has left the other").assert_is(&ErrorKind::Forbidden);
        alice.invite(&room, &bob).await;
        bob.join(&room).await;
        bob.leave(&room).await;
        bob.join(&other).await;
        for allow in [json!(["invalid"]), json!("invalid")] {
            let content = json!({ "join_rule": rule, "allow": allow });
            alice.set_state(&room, "m.room.join_rules", "", content).await;
            bob.try_join(&room).await.expect_err("nobody is let in").assert_is(&ErrorKind::Forbidden);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_where_nobody_here_may_invite() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let other = alice.create_public_room().await;
    bob.join(&other).await;
    let allow = json!([{ "type": "m.room_membership", "room_id": other }]);
    let room = room_with_rule(&alice, "11", json!({ "join_rule": "restricted", "allow": allow })).await;
    alice.invite(&room, &carol).await;
    carol.join(&room).await;
    let levels = json!({ "invite": 50, "users": { alice.id.as_str(): 100 } });
    alice.set_state(&room, "m.room.power_levels", "", levels).await;
    alice.leave(&room).await;

    bob.try_join(&room).await.expect_err("carol may not invite").assert_is(&ErrorKind::UnableToGrantJoin);
}

#[tokio::test(flavor = "multi_thread")]
async fn memberships_can_be_set_as_state_under_the_same_rules() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room().await;
    let is = |membership: &str| json!({ "membership": membership });

    set_membership(&alice, &room, &bob, is("invite")).await.expect("alice may invite");
    assert_eq!(set_membership(&alice, &room, &bob, is("join")).await, Err("M_FORBIDDEN".to_owned()));
    set_membership(&bob, &room, &bob, is("join")).await.expect("bob may come in");
    assert_eq!(set_membership(&alice, &room, &bob, is("invite")).await, Err("M_FORBIDDEN".to_owned()));
    set_membership(&alice, &room, &bob, is("leave")).await.expect("alice may kick");
    assert_eq!(set_membership(&alice, &room, &bob, is("leave")).await, Err("M_FORBIDDEN".to_owned()));
    set_membership(&alice, &room, &bob, is("ban")).await.expect("alice may ban");
    set_membership(&alice, &room, &bob, is("leave")).await.expect("alice may end the ban");
    for content in [json!({}), is("dance"), json!({ "membership": 7 })] {
        assert_eq!(set_membership(&alice, &room, &bob, content).await, Err("M_BAD_JSON".to_owned()));
    }
    let path = "m.room.member";
    let somebody = alice.try_set_state(&room, path, "somebody", is("invite")).await;
    somebody.expect_err("no user ID").assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_room_is_gone_until_one_is_back() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room().await;
    alice.invite(&room, &bob).await;
    bob.join(&room).await;
    alice.say(&room, "before").await;
    let messages = format!("/_matrix/client/v3/rooms/{}/messages?dir=b", segment(room.as_str()));

    bob.try_act(&room, "forget", json!({})).await.expect_err("bob is in").assert_is(&ErrorKind::Unknown);
    bob.leave(&room).await;
    bob.get(&messages).await.expect("bob may read what he saw");
    bob.try_act(&room, "forget", json!({})).await.expect("bob has left");

    bob.get(&messages).await.expect_err("forgotten").assert_is(&ErrorKind::Forbidden);
    bob.try_join(&room).await.expect_err("bob is not invited").assert_is(&ErrorKind::Forbidden);
    alice.invite(&room, &bob).await;
    bob.join(&room).await;
    alice.say(&room, "after").await;
    let said: Vec<Value> =
        bob.messages(&room, 100).await.iter().map(|event| event["content"]["body"].clone()).collect();
    assert!(said.contains(&json!("before")) && said.contains(&json!("after")), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_is_told_to_other_devices_though_the_room_was_forgotten_at_once() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let before = bob.get("/_matrix/client/v3/sync").await.expect("sync answers");
    bob.leave(&room).await;
    bob.try_act(&room, "forget", json!({})).await.expect("bob has left");

    let filter = "filter={\"room\":{\"include_leave\":true}}";
    let since = before["next_batch"].as_str().expect("a token");
    let news = bob.get(&format!("/_matrix/client/v3/sync?since={since}&{filter}")).await.expect("sync answers");
    let all = bob.get(&format!("/_matrix/client/v3/sync?{filter}")).await.expect("sync answers");

    assert!(news["rooms"]["leave"][room.as_str()].is_object(), "{news}");
    assert_eq!(all["rooms"]["leave"][room.as_str()], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_declined_an_invitation_has_seen_nothing_of_the_room() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room_with(json!({ "topic": "a secret" })).await;
    alice.invite(&room, &bob).await;
    bob.leave(&room).await;

    bob.state(&room, "m.room.topic", "").await.expect_err("a secret").assert_is(&ErrorKind::Forbidden);
    bob.try_act(&room, "forget", json!({})).await.expect("bob is out");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_comes_back_into_ones_own_room_by_invitation() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room().await;
    alice.invite(&room, &bob).await;
    bob.join(&room).await;
    alice.set_state(&room, "m.room.power_levels", "", json!({ "users": { bob.id.as_str(): 100 } })).await;
    alice.leave(&room).await;

    bob.invite(&room, &alice).await;
    alice.join(&room).await;

    assert_eq!(bob.membership_of(&room, &alice).await, "join");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rooms_one_is_in_and_those_one_shares_are_listed() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let [shared, left, own] =
        [alice.create_public_room().await, alice.create_public_room().await, bob.create_room().await];
    bob.join(&shared).await;
    bob.join(&left).await;
    bob.leave(&left).await;
    let path = |user: &TestUser| format!("/_matrix/client/v1/mutual_rooms?user_id={}", segment(user.id.as_str()));

    let joined = bob.get("/_matrix/client/v3/joined_rooms").await.expect("a list");
    assert_eq!(joined["joined_rooms"].as_array().map(Vec::len), Some(2));
    for room in [&shared, &own] {
        assert!(joined["joined_rooms"].as_array().is_some_and(|rooms| rooms.contains(&json!(room))));
    }
    let mutual = bob.get(&path(&alice)).await.expect("a list");
    assert_eq!(mutual, json!({ "joined": [shared], "count": 1 }));
    let unstable = path(&alice).replace("v1/mutual_rooms", "unstable/uk.half-shot.msc2666/user/mutual_rooms");
    assert_eq!(bob.get(&unstable).await.expect("a list")["joined"], json!([shared]));
    bob.get(&path(&bob)).await.expect_err("with oneself").assert_is(&ErrorKind::InvalidParam);
    bob.get(&format!("{}&from=x", path(&alice))).await.expect_err("no token").assert_is(&ErrorKind::InvalidParam);
    let nobody = bob.get("/_matrix/client/v1/mutual_rooms?user_id=@nobody:test.local").await.expect("a list");
    assert_eq!(nobody, json!({ "joined": [], "count": 0 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_want_to_be_invited_is_not() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room().await;
    let path = format!("/_matrix/client/v3/user/{}/account_data/m.invite_permission_config", bob.id);
    bob.put(&path, json!({ "default_action": "block" })).await.expect("account data can be set");

    let invited = alice.try_act_on(&room, "invite", &bob).await;
    invited.expect_err("bob blocks it").assert_is(&ErrorKind::InviteBlocked);
    let created = alice.post("/_matrix/client/v3/createRoom", json!({ "invite": [bob.id] })).await;
    created.expect_err("bob blocks it").assert_is(&ErrorKind::InviteBlocked);
    let set = set_membership(&alice, &room, &bob, json!({ "membership": "invite" })).await;
    assert_eq!(set, Err("M_INVITE_BLOCKED".to_owned()));
    bob.put(&path, json!({})).await.expect("account data can be set");

    alice.invite(&room, &bob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invitations_from_before_they_were_blocked_are_not_told_of() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room().await;
    alice.invite(&room, &bob).await;
    let invited = async || {
        let answer = bob.get("/_matrix/client/v3/sync").await.expect("sync answers");
        answer["rooms"]["invite"][room.as_str()].is_object()
    };
    assert!(invited().await);
    let path = format!("/_matrix/client/v3/user/{}/account_data/m.invite_permission_config", bob.id);

    bob.put(&path, json!({ "default_action": "block" })).await.expect("account data can be set");
    assert!(!invited().await);
    bob.put(&path, json!({})).await.expect("account data can be set");

    assert!(invited().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_proves_that_an_invited_address_is_theirs_comes_in() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_room().await;
    let document = Ed25519KeyPair::generate();
    let key = Ed25519KeyPair::from_der(&document, "1".to_owned()).expect("a key");
    let public_key = Base64::<Standard, _>::new(key.public_key().to_vec()).encode();
    let pending = json!({ "display_name": "b...@test", "public_key": public_key });
    alice.set_state(&room, "m.room.third_party_invite", "token", pending.clone()).await;
    alice
        .set_state(&room, "m.room.third_party_invite", "asking", {
            let mut pending = pending;
            pending["key_validity_url"] = "https://id.test/valid".into();
            pending
        })
        .await;
    let proof = |user: &TestUser, token: &str| {
        let signed = json!({ "mxid": user.id, "token": token });
        let mut signed = serde_json::from_value(signed).expect("an object");
        sign_json("id.test", &key, &mut signed).expect("it can be signed");
        let mut signed = serde_json::to_value(signed).expect("JSON");
        signed["sender"] = alice.id.as_str().into();
        json!({ "third_party_signed": signed })
    };

    for (user, body) in [
        (&bob, json!({})),
        (&carol, proof(&bob, "token")),
        (&bob, proof(&bob, "unknown")),
        (&bob, proof(&bob, "asking")),
        (&bob, {
            let mut forged = proof(&bob, "token");
            forged["third_party_signed"]["signatures"] =
                proof(&carol, "token")["third_party_signed"]["signatures"].clone();
            forged
        }),
    ] {
        let refusal = user.try_act(&room, "join", body.clone()).await.expect_err(&body.to_string());
        refusal.assert_is(&ErrorKind::Forbidden);
    }
    bob.try_act(&room, "join", proof(&bob, "token")).await.expect("bob is meant");

    assert_eq!(alice.membership_of(&room, &bob).await, "join");
    assert_eq!(
        alice.state(&room, "m.room.member", bob.id.as_str()).await.expect("a membership"),
        json!({
            "membership": "join",
        })
    );
}
