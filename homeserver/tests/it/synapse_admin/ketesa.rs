//! The requests of Ketesa's data provider as it makes them, and the members of the answers that its pages
//! use. Facts of `src/providers` at the commit of 22 August 2026; other descendants of synapse-admin ask
//! for less.

use homeserver_testing::{TestServer, TestUser, segment};
use ruma::OwnedRoomId;
use serde_json::{Value, json};

use super::{API, administrator, path};

/// A server on which something of each kind has happened.
struct World {
    server: TestServer,
    root: TestUser,
    alice: TestUser,
    room: OwnedRoomId,
    event: String,
    media: String,
}

impl World {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let root = administrator(&server).await;
        let [alice, bob] = server.users(["alice", "bob"]).await;
        let room = alice.create_room_with(json!({ "preset": "public_chat", "name": "Room", "topic": "It" })).await;
        bob.join(&room).await;
        let event = alice.say(&room, "something bad").await;
        let upload = alice.call(reqwest::Method::POST, "/_matrix/media/v3/upload?filename=note.txt").body("note");
        let uploaded: Value = upload.send().await.expect("an answer").json().await.expect("it is JSON");
        let uri = uploaded["content_uri"].as_str().expect("a URI").to_owned();
        let file = json!({ "msgtype": "m.file", "body": "note.txt", "url": uri });
        alice.try_send_event(&room, "m.room.message", file).await.expect("it can be sent");
        let report = format!("/_matrix/client/v3/rooms/{}/report/{}", segment(room.as_str()), segment(event.as_str()));
        bob.post(&report, json!({ "reason": "it hurts" })).await.expect("it is taken");
        let report = format!("/_matrix/client/v3/users/{}/report", alice.id);
        bob.post(&report, json!({ "reason": "it hurts" })).await.expect("it is taken");
        let pusher = json!({
            "kind": "http", "app_id": "app", "pushkey": "key", "app_display_name": "App", "lang": "en",
            "device_display_name": "Phone", "profile_tag": "", "data": { "url": "https://push.test/_matrix/push/v1/notify" },
        });
        alice.post("/_matrix/client/v3/pushers/set", pusher).await.expect("it can be set");
        root.post(&format!("{API}/v1/registration_tokens/new"), json!({ "uses_allowed": 1 })).await.expect("a token");
        let media = uri.rsplit('/').next().expect("an ID").to_owned();
        Self { server, root, alice, room, event: event.to_string(), media }
    }

    async fn get(&self, path: &str) -> Value {
        self.root.get(path).await.unwrap_or_else(|refusal| panic!("{path}: {refusal:?}"))
    }
}

/// Checks members, written as `name:kind`; one that ends with `?` may be missing or null.
fn assert_members(of: &Value, members: &str, path: &str) {
    for member in members.split_whitespace() {
        let (name, kind) = member.split_once(':').expect("a member has a kind");
        let value = &of[name];
        let is_right = match kind.trim_end_matches('?') {
            _ if value.is_null() => kind.ends_with('?'),
            "text" => value.is_string(),
            "number" => value.is_number(),
            "flag" => value.is_boolean(),
            "list" => value.is_array(),
            "object" => value.is_object(),
            _ => panic!("{member}"),
        };
        assert!(is_right, "{path}: {member} is {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_lists_have_what_its_pages_show() {
    let world = World::new().await;
    let (user, room) = (segment(world.alice.id.as_str()), world.room.as_str().to_owned());
    // The path, how it is sorted, the list's name, that of its length, and the members of an entry.
    let lists = [
        (
            "/v3/users".to_owned(),
            "name&dir=f&deactivated=false&guests=false",
            ("users", "total"),
            "name:text displayname:text? avatar_url:text? is_guest:flag admin:flag deactivated:flag erased:flag \
             shadow_banned:flag locked:flag suspended:flag creation_ts:number user_type:text?",
        ),
        (
            "/v1/rooms".to_owned(),
            "name&dir=f&public_rooms=false&empty_rooms=false",
            ("rooms", "total_rooms"),
            "room_id:text name:text? canonical_alias:text? joined_members:number joined_local_members:number \
             version:text creator:text encryption:text? federatable:flag public:flag join_rules:text \
             guest_access:text? history_visibility:text state_events:number room_type:text?",
        ),
        (
            "/v1/event_reports".to_owned(),
            "received_ts&dir=b",
            ("event_reports", "total"),
            "id:number received_ts:number room_id:text name:text event_id:text user_id:text reason:text sender:text \
             canonical_alias:text? score:number?",
        ),
        (
            "/v1/user_reports".to_owned(),
            "received_ts&dir=b",
            ("user_reports", "total"),
            "id:number received_ts:number user_id:text target_user_id:text reason:text",
        ),
        (
            "/v1/registration_tokens".to_owned(),
            "token&dir=f&valid=true",
            ("registration_tokens", ""),
            "token:text uses_allowed:number? pending:number completed:number expiry_time:number?",
        ),
        (
            format!("/v2/users/{user}/devices"),
            "device_id&dir=f",
            ("devices", "total"),
            "device_id:text display_name:text? last_seen_ip:text? last_seen_user_agent:text? last_seen_ts:number? \
             user_id:text dehydrated:flag?",
        ),
        (format!("/v1/rooms/{room}/members"), "id&dir=f", ("members", "total"), ""),
        (
            format!("/v1/rooms/{room}/state"),
            "type&dir=f",
            ("state", ""),
            "event_id:text origin_server_ts:number room_id:text sender:text state_key:text type:text content:object",
        ),
        (format!("/v1/room/{room}/media"), "id&dir=f", ("local", ""), ""),
        (
            format!("/v1/rooms/{room}/forward_extremities"),
            "id&dir=f",
            ("results", "count"),
            "event_id:text depth:number",
        ),
        (
            format!("/v1/users/{user}/pushers"),
            "kind&dir=f",
            ("pushers", "total"),
            "app_id:text app_display_name:text device_display_name:text kind:text lang:text pushkey:text data:object",
        ),
        (format!("/v1/users/{user}/joined_rooms"), "id&dir=f", ("joined_rooms", "total"), ""),
        (
            format!("/v1/users/{user}/media"),
            "created_ts&dir=b",
            ("media", "total"),
            "media_id:text media_length:number media_type:text? upload_name:text? created_ts:number \
             last_access_ts:number? quarantined_by:text? safe_from_quarantine:flag",
        ),
        (
            "/v1/statistics/users/media".to_owned(),
            "media_length&dir=b",
            ("users", "total"),
            "user_id:text displayname:text? media_count:number media_length:number",
        ),
    ];

    for (rest, order, (list, length), members) in lists {
        let path = format!("{API}{rest}?from=0&limit=10&order_by={order}");
        let answer = world.get(&path).await;
        let entries = answer[list].as_array().unwrap_or_else(|| panic!("{path}: there is no {list}"));
        assert!(!entries.is_empty(), "{path}: {answer}");
        entries.iter().for_each(|entry| assert_members(entry, members, &path));
        assert!(length.is_empty() || answer[length].as_u64() >= Some(entries.len() as u64), "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_single_things_have_what_its_pages_show() {
    let world = World::new().await;
    let (user, room, event) = (&world.alice.id, segment(world.room.as_str()), segment(&world.event));

    let things = [
        (
            path("/v2/users", user, ""),
            "name:text displayname:text? threepids:list avatar_url:text? is_guest:flag admin:flag deactivated:flag \
             erased:flag shadow_banned:flag creation_ts:number external_ids:list user_type:text? locked:flag \
             suspended:flag appservice_id:text? consent_version:text? consent_ts:number?",
        ),
        (
            format!("{API}/v1/rooms/{room}"),
            "room_id:text name:text topic:text avatar:text? joined_members:number joined_local_members:number \
             joined_local_devices:number version:text creator:text encryption:text? federatable:flag public:flag \
             join_rules:text history_visibility:text state_events:number forgotten:flag",
        ),
        (path("/v1/whois", user, ""), "user_id:text devices:object"),
        (path("/v1/users", user, "/memberships"), "memberships:object"),
        (path("/v1/users", user, "/accountdata"), "account_data:object"),
        (path("/v1/users", user, "/override_ratelimit"), ""),
        (format!("{API}/v1/server_version"), "server_version:text"),
        (format!("{API}/v1/username_available?username=free"), "available:flag"),
        (format!("{API}/v1/rooms/{room}/block"), "block:flag"),
        (format!("{API}/v1/rooms/{room}/timestamp_to_event?ts=0&dir=f"), "event_id:text origin_server_ts:number"),
        (
            format!("{API}/v1/rooms/{room}/context/{event}?limit=10"),
            "event:object events_before:list events_after:list state:list start:text end:text",
        ),
        (format!("{API}/v1/rooms/{room}/messages?dir=b&limit=50"), "chunk:list start:text end:text?"),
        (format!("{API}/v1/rooms/{room}/hierarchy?limit=50"), "rooms:list next_batch:text?"),
        (format!("{API}/v1/fetch_event/{event}"), "event:object"),
        (format!("{API}/v1/media/test.local/{}", world.media), "media_info:object"),
        (format!("{API}/v1/scheduled_tasks"), "scheduled_tasks:list"),
    ];

    for (path, members) in things {
        assert_members(&world.get(&path).await, members, &path);
    }
    let fetched = world.get(&format!("{API}/v1/fetch_event/{event}")).await;
    assert_members(
        &fetched["event"],
        "event_id:text type:text room_id:text sender:text origin_server_ts:number content:object",
        "an event",
    );
    assert_eq!(fetched["event"]["content"]["body"], "something bad");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sees_the_rooms_of_a_space_that_are_closed_to_others() {
    let world = World::new().await;
    let hidden = world.alice.create_room().await;
    let child = json!({ "type": "m.space.child", "state_key": hidden, "content": { "via": ["test.local"] } });
    let space = json!({ "creation_content": { "type": "m.space" }, "initial_state": [child] });
    let space = world.alice.create_room_with(space).await;

    let answer = world.get(&format!("{API}/v1/rooms/{}/hierarchy", segment(space.as_str()))).await;

    let rooms: Vec<_> = answer["rooms"].as_array().expect("a list").iter().map(|room| &room["room_id"]).collect();
    assert_eq!(rooms, [&json!(space), &json!(hidden)]);
    let room = &answer["rooms"][0];
    assert_members(
        room,
        "room_id:text num_joined_members:number guest_can_join:flag world_readable:flag children_state:list",
        "a space",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_its_time_is_listed_among_the_tasks() {
    let world = World::new().await;
    let begun = world.root.post(&path("/v1/user", &world.alice.id, "/redact"), json!({ "rooms": [] })).await;
    let id = begun.expect("it begins")["redact_id"].clone();
    let status = format!("{API}/v1/user/redact_status/{}", id.as_str().expect("an ID"));
    super::ended(&world.root, &status).await;

    let all = world.get(&format!("{API}/v1/scheduled_tasks?status=complete")).await;
    let none = world.get(&format!("{API}/v1/scheduled_tasks?action_name=purge_history")).await;

    let task = &all["scheduled_tasks"][0];
    assert_members(
        task,
        "id:text action:text status:text timestamp_ms:number resource_id:text result:object?",
        "a task",
    );
    assert_eq!((&task["id"], &task["resource_id"]), (&id, &json!(world.alice.id)));
    assert_eq!((&task["action"], &task["status"]), (&json!("redact_all_events"), &json!("complete")));
    assert_eq!(none["scheduled_tasks"], json!([]));
    drop(world.server);
}
