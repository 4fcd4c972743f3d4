//! Networks: who came from where, and who may know it.

use std::time::Duration;

use homeserver::error::ErrorKind;
use homeserver_testing::{Answer, TestServer, TestUser, segment};
use serde_json::{Value, json};

use super::{
    API, administrator, assert_forbidden,
    lives::{park, within_a_second},
    try_rule,
};

/// Uses a session after a while, and waits until it is noted from where.
async fn used(server: &TestServer, user: &TestUser) {
    server.app.clock.advance(Duration::from_secs(11));
    user.get("/_matrix/client/v3/account/whoami").await.expect("the session is good");
    let now_ms = server.app.clock.now_ms();
    let count = format!(
        "select count(*) from sightings join users using (user_nid)
         where user_id = '{}' and device_id = '{}' and last_seen_at > {}",
        user.id,
        user.device_id,
        now_ms - 10_000
    );
    while server.scalar::<i64>(&count).await == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_shown_to_those_who_may_see_them_and_say_why() {
    let server = TestServer::start_with(|config| {
        config.access.address_readers = vec!["@root:test.local".try_into().expect("a user ID")];
    })
    .await;
    let root = administrator(&server).await;
    let other = server.user("other").await;
    server.app.accounts.administration.set_admin(&other.id, true).await.expect("the account is there");
    let alice = server.user("alice").await.coming_from("127.0.5.1");
    used(&server, &alice).await;
    let sessions = |by: &TestUser, query: &'static str| {
        let by = by.clone();
        async move { by.get(&format!("{API}/sessions?{query}")).await }
    };

    let hidden = sessions(&other, "user_id=@alice:test.local").await.expect("a list")["sessions"][0].clone();
    let shown = sessions(&root, "network=127.0.5.0/24&reveal=true&reason=raid").await.expect("a list");

    assert_eq!(hidden["device_id"], alice.device_id.as_str());
    assert!(hidden["address"].is_null(), "{hidden}");
    assert_eq!(shown["sessions"][0]["address"], "127.0.5.1");
    assert_eq!(shown["sessions"][0]["network"], hidden["network"]);
    let wide = sessions(&other, "network=127.0.0.0/8").await.expect("a list");
    let devices: Vec<_> =
        wide["sessions"].as_array().expect("an array").iter().map(|seen| &seen["device_id"]).collect();
    assert!(devices.contains(&&json!(alice.device_id)), "{wide}");
    assert_forbidden(sessions(&other, "user_id=@alice:test.local&reveal=true&reason=x").await);
    assert!(sessions(&root, "user_id=@alice:test.local&reveal=true").await.is_err(), "a reason is needed");
    assert_eq!(sessions(&other, "network=127.0.6.0/24").await.expect("a list")["sessions"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_tells_who_came_from_a_network() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    used(&server, &alice.coming_from("127.0.5.1")).await;
    used(&server, &bob.coming_from("127.0.6.1")).await;

    let told = try_rule(&root, "r", "network 127.0.5.0/24 server deny", json!({})).await.expect("it is allowed");

    assert_eq!(told["preview"]["users"], json!(["@alice:test.local"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn moderators_keep_a_network_out_of_their_room_without_seeing_it() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let (bob, carol) = (bob.coming_from("127.0.5.1"), carol.coming_from("127.0.5.1"));
    used(&server, &bob).await;
    let path = |rest: &str| format!("{API}/rooms/{}/{rest}", segment(room.as_str()));
    let networks = path(&format!("networks?user_id={}", bob.id));

    assert_forbidden(bob.get(&networks).await);
    let known = alice.get(&networks).await.expect("the moderator may know");
    let network = known["networks"][0]["network"].clone();
    let body = json!({ "network": network, "effect": "deny", "reason": "Not from there." });
    assert_forbidden(bob.put(&path("rules/n1"), body.clone()).await);
    alice.put(&path("rules/n1"), body).await.expect("the moderator may keep it out");

    assert!(!known.to_string().contains("127.0"), "{known}");
    assert_forbidden(bob.try_say(&room, "not heard").await);
    assert_forbidden(carol.try_join(&room).await);
    carol.coming_from("127.0.6.1").join(&room).await;
    let rules = alice.get(&path("rules")).await.expect("a list");
    assert_eq!(rules["rules"][0]["value"], network);
    alice.delete(&path("rules/n1")).await.expect("it is lifted");
    bob.say(&room, "heard").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moderators_cannot_touch_other_rules() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let room = alice.create_public_room().await;
    super::rule(&root, "theirs", "user @x:test.local server deny").await;
    let path = format!("{API}/rooms/{}/rules/theirs", segment(room.as_str()));

    let body = json!({ "network": "net-aaaaaaaaaaaaaaaa", "effect": "allow" });
    assert_forbidden(alice.put(&path, body).await);

    assert!(alice.delete(&path).await.is_err());
    assert_eq!(root.get(&format!("{API}/rules/theirs")).await.expect("it is there")["revoked_at"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_forgotten_after_thirty_days_without_use() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await.coming_from("127.0.5.1");
    used(&server, &alice).await;
    let counts = [
        "select count(*) from sightings join users using (user_nid) where user_id = '@alice:test.local'",
        "select count(*) from devices where last_seen_ip is not null",
    ];
    let day = Duration::from_secs(24 * 3600);

    server.app.clock.advance(day * 29);
    server.app.access.whereabouts.forget_old().await.expect("the database is there");
    assert!(server.scalar::<i64>(counts[0]).await > 0 && server.scalar::<i64>(counts[1]).await > 0);
    server.app.clock.advance(day * 2);
    server.app.access.whereabouts.forget_old().await.expect("the database is there");

    assert_eq!([server.scalar::<i64>(counts[0]).await, server.scalar::<i64>(counts[1]).await], [0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn to_ask_from_which_networks_somebody_comes_is_recorded() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;

    root.get(&format!("{API}/sessions?user_id={}", alice.id)).await.expect("a list");

    let events = server.app.audit.list(0, 1000).await.expect("the log can be read");
    let look = events.iter().find(|event| event.details.get("what") == Some(&json!("access.networks.see")));
    let look = look.expect("it is recorded");
    assert_eq!((look.actor.as_deref(), look.target.as_deref()), (Some(root.id.as_str()), Some(alice.id.as_str())));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_where_nothing_is_to_be() {
    let server = TestServer::start_with(|config| config.access.address_retention_days = 0).await;
    let alice = server.user("alice").await;
    alice.get("/_matrix/client/v3/account/whoami").await.expect("the session is good");
    let seen = "select count(*) from devices where last_seen_at is not null";
    while server.scalar::<i64>(seen).await == 0 {
        tokio::task::yield_now().await;
    }

    assert_eq!(server.scalar::<i64>("select count(*) from sightings").await, 0);
    assert_eq!(server.scalar::<i64>("select count(*) from devices where last_seen_ip is not null").await, 0);
}

/// The name of the network from which a user came to be.
async fn network_of(root: &TestUser, user: &TestUser) -> String {
    let all = root.get(&format!("{API}/events")).await.expect("a page");
    let mut events = all["events"].as_array().expect("an array").iter();
    let created = events.find(|event| event["action"] == "user_created" && event["target"] == user.id.as_str());
    created.expect("it is noted")["network"].as_str().expect("a network").to_owned()
}

async fn register(server: &TestServer, name: &str, address: &str) -> Answer<TestUser> {
    let newcomer = TestUser::anonymous(server, name).coming_from(address);
    let body = json!({ "username": name, "password": newcomer.password(), "auth": { "type": "m.login.dummy" } });
    newcomer.post("/_matrix/client/v3/register", body).await.map(|_| newcomer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_the_feed_names_is_kept_out_without_anybody_seeing_an_address() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let mallory = register(&server, "mallory", "127.0.5.1").await.expect("nothing is in the way");
    let name = network_of(&root, &mallory).await;

    let rule = format!("named_network {name} registration deny");
    let told = try_rule(&root, "wave", &rule, json!({})).await.expect("it is allowed");

    assert!(told["rule"]["expires_at"].is_i64(), "networks change hands: {told}");
    assert_forbidden(register(&server, "mallory2", "127.0.5.1").await);
    register(&server, "neighbour", "127.0.5.2").await.expect("it is one network alone");
    let listed = root.get(&format!("{API}/rules/wave")).await.expect("it is there");
    assert!(!listed.to_string().contains("127.0"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_network_cuts_off_who_is_there_and_lets_the_server_be() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let (alice, bob) = (alice.coming_from("127.0.5.1"), bob.coming_from("127.0.5.2"));
    used(&server, &alice).await;
    let sessions = root.get(&format!("{API}/sessions?user_id={}", alice.id)).await.expect("a list");
    let seen = |session: &&Value| session["last_seen_at"].as_i64() > Some(0) && session["live_requests"].is_i64();
    let latest = sessions["sessions"].as_array().expect("an array").iter().find(seen).expect("it was seen");
    let name = latest["network"].as_str().expect("a name").to_owned();
    let (of_alice, of_bob) = (park(&server, &alice).await, park(&server, &bob).await);

    let of_name = root.get(&format!("{API}/sessions?network={name}")).await.expect("a list");
    let told = try_rule(&root, "ban", &format!("named_network {name} server deny"), json!({})).await;
    let told = told.expect("it is allowed");

    assert_eq!(of_name["sessions"][0]["user_id"], alice.id.as_str());
    assert_eq!(told["preview"]["users"], json!([alice.id]));
    assert_forbidden(within_a_second(of_alice).await);
    assert!(!of_bob.is_finished());
    let own = server.app.access.rulebook.room_networks().name("127.0.0.1".parse().expect("an address"));
    assert_forbidden(try_rule(&root, "own", &format!("named_network {own} server deny"), json!({})).await);
    let no_name = try_rule(&root, "x", "named_network 127.0.5.1 server deny", json!({})).await;
    no_name.expect_err("it is an address").assert_is(&ErrorKind::InvalidParam);
}
