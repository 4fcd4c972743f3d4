//! Features that are revoked and granted, and rooms that people are kept out of.

use homeserver::access::feature::Feature;
use homeserver_testing::{TestBrowser, TestServer};
use serde_json::json;

use super::{administrator, assert_forbidden, lift, room_path, rule, try_rule};

const CREATE: &str = "/_matrix/client/v3/createRoom";

#[tokio::test(flavor = "multi_thread")]
async fn creating_rooms_is_revoked_and_granted_back_while_chats_and_spaces_are_not_concerned() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;

    rule(&root, "no-rooms", "user @alice:test.local feature:create_room deny").await;
    let refusal = assert_forbidden(alice.post(CREATE, json!({})).await);
    alice.post(CREATE, json!({ "is_direct": true, "invite": [bob.id] })).await.expect("a direct chat");
    alice.post(CREATE, json!({ "creation_content": { "type": "m.space" } })).await.expect("a space");
    bob.post(CREATE, json!({})).await.expect("others are not concerned");
    lift(&root, "no-rooms").await;

    assert!(refusal.body["error"].as_str().is_some_and(|text| text.contains("create rooms")), "{refusal:?}");
    alice.post(CREATE, json!({})).await.expect("it is granted again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_closed_to_everyone_can_be_opened_to_some() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    rule(&root, "nobody", "everyone - feature:create_room deny").await;
    rule(&root, "some", "user @alice:test.local feature:create_room allow").await;

    alice.post(CREATE, json!({})).await.expect("an exception");
    assert_forbidden(bob.post(CREATE, json!({})).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_feature_is_refused_where_it_is_used() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let (own, open) = (alice.create_public_room().await, bob.create_public_room().await);
    let knockable = bob
        .create_room_with(json!({
            "initial_state": [{ "type": "m.room.join_rules", "content": { "join_rule": "knock" } }],
        }))
        .await;
    let send = |kind: &str| room_path(&own, &format!("send/{kind}/1"));
    let state = |room, kind: &str| room_path(room, &format!("state/{kind}"));
    let member = state(&open, &format!("m.room.member/{}", alice.id));
    let invite_bob = state(&own, &format!("m.room.member/{}", bob.id));
    let knock = format!("/_matrix/client/v3/knock/{knockable}");
    let join = format!("/_matrix/client/v3/join/{open}");
    let (put, post) = (reqwest::Method::PUT, reqwest::Method::POST);
    let text = json!({ "msgtype": "m.text", "body": "hello" });
    let image = json!({ "msgtype": "m.image", "body": "a cat", "url": "mxc://test.local/cat" });
    let reaction = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": "$x", "key": "!" } });
    let public = format!("/_matrix/client/v3/directory/list/room/{own}");
    let name = format!("/_matrix/client/v3/profile/{}/displayname", alice.id);
    let cases = [
        ("create_space", &post, CREATE.to_owned(), json!({ "creation_content": { "type": "m.space" } })),
        ("create_direct_chat", &post, CREATE.to_owned(), json!({ "is_direct": true })),
        ("publish", &post, CREATE.to_owned(), json!({ "visibility": "public" })),
        ("publish", &put, public, json!({ "visibility": "public" })),
        ("publish", &put, "/_matrix/client/v3/directory/room/%23a:test.local".to_owned(), json!({ "room_id": own })),
        ("join", &post, join, json!({})),
        ("join", &post, room_path(&open, "join"), json!({})),
        ("join", &put, member, json!({ "membership": "join" })),
        ("knock", &post, knock, json!({})),
        ("invite", &post, room_path(&own, "invite"), json!({ "user_id": bob.id })),
        ("invite", &put, invite_bob, json!({ "membership": "invite" })),
        ("invite", &post, CREATE.to_owned(), json!({ "invite": [bob.id] })),
        ("send_message", &put, send("m.room.message"), text),
        ("send_message", &put, state(&own, "m.room.topic"), json!({ "topic": "x" })),
        ("send_media", &put, send("m.room.message"), image),
        ("react", &put, send("m.reaction"), reaction),
        ("upload", &post, "/_matrix/media/v3/upload".to_owned(), json!({})),
        ("change_profile", &put, name, json!({ "displayname": "x" })),
        ("add_email", &post, "/_matrix/client/v3/account/3pid".to_owned(), json!({})),
        ("add_email", &post, "/_matrix/client/v3/account/3pid/add".to_owned(), json!({})),
        (
            "search_directory",
            &post,
            "/_matrix/client/v3/user_directory/search".to_owned(),
            json!({ "search_term": "b" }),
        ),
        ("search_directory", &post, "/_matrix/client/v3/publicRooms".to_owned(), json!({})),
    ];

    for (feature, method, path, body) in cases {
        rule(&root, "it", &format!("user {} feature:{feature} deny", alice.id)).await;
        let answer = alice.request(method.clone(), &path, Some(body)).await;
        let refusal = assert_forbidden(answer);
        let says = homeserver::access::feature::Feature::ALL.iter().find(|known| known.name() == feature);
        assert_eq!(refusal.body["error"], says.expect("a feature").refusal(), "{path}");
        lift(&root, "it").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_is_kept_out_of_one_room() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let (closed, open) = (alice.create_public_room().await, alice.create_public_room().await);
    bob.join(&closed).await;
    let abroad = bob.coming_from("127.0.5.1");

    rule(&root, "kept-out", &format!("network 127.0.5.0/24 room:{closed} deny")).await;

    assert_forbidden(abroad.try_say(&closed, "not heard").await);
    bob.say(&closed, "heard").await;
    bob.leave(&closed).await;
    assert_forbidden(abroad.try_join(&closed).await);
    abroad.join(&open).await;
    bob.join(&closed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_told_with_when_to_go_on() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let limit = json!({ "limit": { "count": 2, "per_s": 60 } });
    try_rule(&root, "slow", "user @alice:test.local feature:create_room rate_limit", limit).await.expect("allowed");

    alice.create_room().await;
    alice.create_room().await;
    let refusal = alice.post(CREATE, json!({})).await.expect_err("it is too much");
    server.app.clock.advance(std::time::Duration::from_secs(30));

    assert_eq!(refusal.status, 429);
    assert_eq!(refusal.body["errcode"], "M_LIMIT_EXCEEDED");
    alice.create_room().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_can_be_asked_for() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    server.enrol(&alice).await;
    rule(&root, "strong", "everyone - feature:create_room require_2fa").await;

    alice.create_room().await;
    assert_forbidden(bob.post(CREATE, json!({})).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_to_be_approved_waits_in_the_queue() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    rule(&root, "ask", "everyone - feature:create_space require_approval").await;
    let space = || alice.post(CREATE, json!({ "creation_content": { "type": "m.space" } }));

    assert_forbidden(space().await);
    let queue = root.get("/_salon/access/v1/approvals").await.expect("the queue");
    let body = json!({ "scope": "feature:create_space", "approve": true });
    root.post(&format!("/_salon/access/v1/approvals/{}", alice.id), body).await.expect("it is approved");

    assert_eq!(queue["approvals"][0]["user_id"], alice.id.as_str());
    assert_eq!(queue["approvals"][0]["scope"], "feature:create_space");
    space().await.expect("it is allowed now");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_is_refused_on_the_pages_too() {
    let (server, _mailbox) = crate::emails::start(|_| {}).await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::of(&server, &alice).await;
    rule(&root, "no-name", &format!("user {} feature:change_profile deny", alice.id)).await;
    rule(&root, "no-email", &format!("user {} feature:add_email deny", alice.id)).await;

    let profile = browser.open("/account").await;
    let profile = browser.submit(&profile, "/account", &[("name", "Alice <3")]).await;
    let emails = browser.open("/account/emails").await;
    let emails = browser.submit(&emails, "/account/emails/add", &[("email", "alice@mailbox.test")]).await;

    profile.assert_says(Feature::ChangeProfile.refusal());
    emails.assert_says(Feature::AddEmail.refusal());
    lift(&root, "no-name").await;
    let profile = browser.open("/account").await;
    browser.submit(&profile, "/account", &[("name", "Alice <3")]).await.assert_says("It is saved.");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_is_refused_to_pictures_too() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::of(&server, &alice).await;
    let choose = async || {
        let picture = ("me.gif", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;".to_vec());
        browser.upload(&browser.open("/account").await, "/account/avatar", "picture", picture).await
    };
    choose().await.assert_says("It is saved.");

    rule(&root, "no-files", "user @alice:test.local feature:upload deny").await;
    let no_file = choose().await;
    lift(&root, "no-files").await;
    rule(&root, "as-it-is", "user @alice:test.local feature:change_profile deny").await;
    let no_picture = choose().await;
    let no_removal = browser.submit(&browser.open("/account").await, "/account/avatar/remove", &[]).await;

    assert_eq!([no_file.status, no_picture.status, no_removal.status], [403; 3]);
    no_file.assert_says(Feature::Upload.refusal());
    no_picture.assert_says(Feature::ChangeProfile.refusal());
    no_removal.assert_says(Feature::ChangeProfile.refusal());
    assert_eq!(server.scalar::<i64>("select count(*) from media").await, 1);
    let suspend = format!("/_matrix/client/v1/admin/suspend/{}", alice.id);
    lift(&root, "as-it-is").await;
    root.put(&suspend, json!({ "suspended": true })).await.expect("root is an administrator");
    choose().await.assert_says("This account is suspended");
}
