//! Access rules by command: whom they would hit, what they do at once, and how they end.

use std::time::Duration;

use homeserver_testing::{Answer, TestUser};
use serde_json::{Value, json};

use crate::support::World;

const CREATE: &str = "/_matrix/client/v3/createRoom";
const SYNC: &str = "/_matrix/client/v3/sync";

/// A `/sync` that waits for news. Resolves when it is under way.
async fn park(world: &World, user: &TestUser) -> tokio::task::JoinHandle<Answer<Value>> {
    let start = user.get(SYNC).await.expect("the user may sync");
    let since = start["next_batch"].as_str().expect("a token").to_owned();
    let before = world.server.app.access.live.list().len();
    let user = user.clone();
    let waiting = tokio::spawn(async move { user.get(&format!("{SYNC}?timeout=30000&since={since}")).await });
    world.until("it waits", async || world.server.app.access.live.list().len() > before).await;
    waiting
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_network_is_cut_off_within_a_second_of_the_confirmation_and_a_hole_is_spared() {
    let world = World::start().await;
    let [alice, bob, carol] = world.server.users(["alice", "bob", "carol"]).await;
    let (alice, bob) = (alice.coming_from("127.0.5.1"), bob.coming_from("127.0.5.7"));
    world.command("!mod allow ip:127.0.5.7").await;
    let of_alice = park(&world, &alice).await;
    let of_bob = park(&world, &bob).await;
    let of_carol = park(&world, &carol).await;

    let asked = "!mod ban ip:127.0.5.0/24 --for 7d --reason Write to us. | raid";
    let proposal = world.propose(asked).await;
    assert!(proposal.text.contains("Deny ip:127.0.5.0/24 on the whole server for 1 week"), "{}", proposal.text);
    assert!(
        proposal.text.contains("It hits 1 account (@alice:test.local). One connection is cut off."),
        "{}",
        proposal.text
    );
    assert!(!of_alice.is_finished(), "nothing is done before it is confirmed");
    proposal.confirm().await;

    let cut = tokio::time::timeout(Duration::from_secs(1), of_alice).await.expect("within a second");
    let refusal = cut.expect("it does not panic").expect_err("it is cut off");
    assert_eq!((refusal.status.as_u16(), &refusal.body["errcode"]), (403, &json!("M_FORBIDDEN")));
    assert!(refusal.body["error"].as_str().is_some_and(|text| text.contains("Write to us.") && !text.contains("raid")));
    let outcome = proposal.outcome().await;
    assert_eq!(refusal.body["salon.case"], world.case_in(&outcome));
    assert!(!of_bob.is_finished() && !of_carol.is_finished(), "others notice nothing");
    bob.get(SYNC).await.expect("the hole is spared");
    alice.coming_from("127.0.6.1").get(SYNC).await.expect("the same session is good elsewhere");

    world.command(&format!("!mod undo {}", world.case_in(&outcome))).await;
    alice.get(SYNC).await.expect("the same session is good again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_expires_by_itself() {
    let world = World::start().await;
    let alice = world.server.user("alice").await.coming_from("127.0.5.1");
    world.confirm("!mod ban ip:127.0.5.1 --for 1h").await;
    alice.get(SYNC).await.expect_err("she is kept out");

    world.server.app.clock.advance(Duration::from_secs(3601));

    alice.get(SYNC).await.expect("she is let in again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feature_is_revoked_and_granted_back() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;

    world.confirm("!mod deny @alice:test.local --feature create_room --reason too many").await;
    alice.post(CREATE, json!({})).await.expect_err("it is revoked");
    bob.post(CREATE, json!({})).await.expect("others are not concerned");
    let listed = world.command("!mod rules @alice:test.local").await;
    let granted = world.command("!mod unban @alice:test.local --feature create_room").await;

    assert!(listed.contains("deny user @alice:test.local for create room"), "{listed}");
    assert!(granted.contains("done"), "{granted}");
    alice.post(CREATE, json!({})).await.expect("it is granted again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_cannot_lock_administrators_out() {
    let world = World::start().await;
    world.root.get(SYNC).await.expect("root is seen from 127.0.0.1");

    let refused = world.command("!mod ban ip:127.0.0.0/8").await;

    assert!(!refused.contains('👍'), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_listed_and_revoked_one_by_one() {
    let world = World::start().await;
    let alice = world.server.user("alice").await;

    let (_, denied) = world.confirm("!mod deny @alice:test.local --feature join --reason no | a troll").await;
    let (_, approved) = world.confirm("!mod approve everyone --feature publish").await;
    let listed = world.command("!mod rules").await;
    let one = format!("{}-0", world.case_in(&denied));
    let revoked = world.command(&format!("!mod revoke {one}")).await;
    let again = world.command(&format!("!mod revoke {one}")).await;
    let left = world.command("!mod rules").await;

    assert!(listed.starts_with("2 rules:") && listed.contains("require approval everyone for publish"), "{listed}");
    assert!(listed.contains("deny user @alice:test.local for join: a troll"), "{listed}");
    assert!(revoked.contains("done.") && again.contains("is revoked already"), "{revoked} {again}");
    assert!(left.starts_with("One rule:") && left.contains(&world.case_in(&approved)), "{left}");
    let room = world.root.create_public_room().await;
    alice.join(&room).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_an_approval_reads_and_does_not_act() {
    let world = World::start().await;
    let bob = world.server.user("bob").await;
    let room = bob.create_public_room().await;

    let (proposed, _) = world.confirm("!mod approve everyone --scope registration").await;
    let alice = world.server.user("alice").await;
    alice.get(SYNC).await.expect("she reads");
    let refusal = alice.try_join(&room).await.expect_err("she waits");
    world.command("!mod unban everyone").await;

    assert!(proposed.contains("Approve everyone at registration"), "{proposed}");
    assert_eq!(refusal.body["errcode"], "M_USER_SUSPENDED");
    world.server.user("carol").await.join(&room).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_who_somebody_is() {
    let world = World::start().await;
    let alice = world.server.user("alice").await.coming_from("127.0.5.1");
    alice.get(SYNC).await.expect("she is seen");
    world.confirm("!mod suspend @alice:test.local").await;

    world
        .until("the address is known", async || {
            world.command("!mod who ip:127.0.5.0/24").await.contains("came 1 account (@alice:test.local)")
        })
        .await;
    let who = world.command("!mod who @alice:test.local").await;

    assert!(who.contains("It is suspended") && who.contains("case c_"), "{who}");
    assert!(!who.contains("127.0.5"), "addresses are not shown: {who}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_writes_into_headers_changes_nothing() {
    let world = World::start_with(|config| {
        config.http.trusted_proxies = vec!["127.0.7.0/24".parse().expect("a network")];
        config.http.client_address_header = Some("X-Forwarded-For".to_owned());
    })
    .await;
    let alice = world.server.user("alice").await;
    world.confirm("!mod ban ip:127.0.5.0/24").await;
    let from = async |address: &str, header: &str| {
        let client = reqwest::Client::builder().local_address(Some(address.parse().expect("an address"))).build();
        let request = client.expect("a client").get(format!("{}{SYNC}", world.server.url())).bearer_auth(&alice.token);
        request.header("X-Forwarded-For", header).send().await.expect("it answers").status().as_u16()
    };

    assert_eq!(from("127.0.5.1", "192.0.2.1").await, 403, "a header does not let in");
    assert_eq!(from("127.0.6.1", "127.0.5.1").await, 200, "and does not keep out");
    assert_eq!(from("127.0.7.1", "127.0.5.1").await, 403, "unless a proxy says so");
    assert_eq!(from("127.0.7.1", "127.0.5.1, 192.0.2.1").await, 200, "who says what it saw at the right");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_is_kept_out_of_one_room_without_an_address() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let alice = alice.coming_from("127.0.5.1");
    let (closed, open) = (world.protected_room(&bob).await, world.protected_room(&bob).await);
    alice.join(&closed).await;
    alice.leave(&closed).await;

    let (proposed, outcome) = world.confirm_as(&bob, &closed, "!mod netban @alice:test.local --for 7d").await;

    alice.try_join(&closed).await.expect_err("she comes from there");
    alice.join(&open).await;
    assert!(!proposed.contains("127.0") && !outcome.contains("127.0"), "{proposed} {outcome}");
    world.tell(&bob, &closed, &format!("!mod undo {}", world.case_in(&outcome))).await;
    alice.join(&closed).await;
}
