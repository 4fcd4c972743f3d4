//! The list of this server.

use serde_json::json;

use super::rule;
use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn bans_are_published_for_everybody_and_withdrawn() {
    let world = World::start().await;
    let reader = world.server.user("reader").await;

    let (proposed, outcome) = world.confirm("!mod publish @spam:evil.test --reason it spams").await;
    world.command("!mod publish server:evil.test --yes").await;
    let own = world.app.lists.own().await.expect("it can be read").expect("it was made");
    reader.join(&own).await;
    let state = async || {
        let path = format!("/_matrix/client/v3/rooms/{}/state", homeserver_testing::segment(own.as_str()));
        let all = reader.get(&path).await.expect("it can be read");
        let rules = all.as_array().expect("events").iter().filter(|event| {
            event["type"].as_str().is_some_and(|kind| kind.starts_with("m.policy.rule."))
                && event["content"] != json!({})
        });
        let mut rules: Vec<_> = rules.map(|event| event["content"].clone()).collect();
        rules.sort_by_key(|rule| rule["entity"].to_string());
        rules
    };

    assert!(proposed.contains("Everybody can read") && outcome.contains("done"), "{proposed} {outcome}");
    let user = json!({ "entity": "@spam:evil.test", "recommendation": "m.ban", "reason": "it spams" });
    let server = json!({ "entity": "evil.test", "recommendation": "m.ban", "reason": "no reason given" });
    assert_eq!(state().await, [user, server.clone()]);
    world.confirm("!mod unpublish @spam:evil.test").await;
    assert_eq!(state().await, [server]);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_never_published() {
    let world = World::start().await;

    for (target, expected) in [
        ("ip:203.0.113.7", "Rules about networks are never published"),
        ("email:a@evil.test", "Rules about e-mail addresses are never published"),
        ("domain:evil.test", "Rules about e-mail addresses are never published"),
        ("everyone", "Only bans of users and servers can be published."),
        ("server:test.local", "This is your own server, or yourself."),
    ] {
        let answer = world.command(&format!("!mod publish {target}")).await;
        assert!(answer.contains(expected), "{target}: {answer}");
    }
    assert!(world.app.lists.own().await.expect("it can be read").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_without_rules_is_no_list() {
    let world = World::start().await;
    let writer = world.server.user("writer").await;
    let room = writer.create_public_room().await;

    let refused = world.command(&format!("!mod watch {room}")).await;
    rule(&writer, &room, "user", "@spam:evil.test").await;
    let shown = world.command(&format!("!mod watch {room} --dry-run")).await;
    let unknown = world.command(&format!("!mod unwatch {room}")).await;

    assert!(refused.contains("it does not seem to be a policy list"), "{refused}");
    assert!(shown.contains("1 rules about users") && !shown.contains('👍'), "{shown}");
    assert!(unknown.contains("is not watched"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_banned_can_be_published_at_once_and_is_withdrawn_with_the_case() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&alice).await;
    bob.join(&room).await;

    let (proposed, _) = world.confirm("!mod ban @bob:test.local --publish --reason spam").await;
    world.until_member_is(&room, &bob, "ban").await;
    let own = world.app.lists.own().await.expect("it can be read").expect("it was made");
    let (kind, key, content) = moderation::policy_lists::rule::publication(
        moderation::policy_lists::rule::Kind::User,
        "@bob:test.local",
        "spam",
    );
    let published = async || world.bot().state(&own, &kind, &key).await.unwrap_or_default();
    world.until("it is published", async || published().await == content).await;
    let cases = world.app.actions.list(moderation::actions::About::Target(bob.id.as_str()), 10).await;
    let case = cases.expect("there are cases").remove(0);
    world.app.actions.undo(&case.case_id, &world.root.id).await.expect("it can be undone");
    world.until("it is withdrawn", async || published().await == json!({})).await;
    world.until_member_is(&room, &bob, "leave").await;

    assert!(proposed.contains(&format!("Everybody can read it on {own}: spam.")), "{proposed}");
    let refused = world.command("!mod ban ip:203.0.113.7 --publish --yes").await;
    assert!(refused.contains("Rules about networks are never published"), "{refused}");
    let elsewhere = world.command("!mod kick @bob:test.local --publish").await;
    assert_eq!(elsewhere, "--publish goes with ban and deny.");
}
