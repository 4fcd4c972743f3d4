//! The operators' room, who is heard where, and who may what.

use serde_json::json;

use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_finds_a_room_in_which_the_bot_helps() {
    let world = World::start().await;

    let helped = world.command("!mod help").await;
    let of_one = world.command("!mod help ban").await;
    let mistyped = world.command("!mod hepl").await;

    assert!(helped.contains("You can use here:") && helped.contains("help [command]"), "{helped}");
    assert!(of_one.contains("For example: !mod ban ip:203.0.113.0/24 --for 7d --reason raid"), "{of_one}");
    assert_eq!(mistyped, "There is no command hepl. Do you mean help?");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_becomes_an_administrator_comes_in_by_writing_to_the_bot() {
    let world = World::start().await;
    let alice = world.server.user("alice").await;
    let chat = alice.create_room_with(json!({ "is_direct": true, "invite": [world.app.bot.user_id()] })).await;
    world
        .until("the bot has come", async || {
            let said = alice.messages(&chat, 10).await;
            said.iter().any(|event| event["content"]["body"].as_str().is_some_and(|text| text.contains("Write help")))
        })
        .await;

    let before = world.tell(&alice, &chat, "help").await;
    world.make_administrator(&alice).await;
    let after = world.tell(&alice, &chat, "help").await;

    assert!(before.contains("You have no role here."), "{before}");
    assert!(after.contains("lockdown"), "{after}");
    alice.join(&world.operators).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_say_what_somebody_may() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&bob).await;

    let given = world.command(&format!("!mod role {} moderator", alice.id)).await;
    alice.join(&world.operators).await;
    let too_much = world.tell(&alice, &world.operators, "!mod lock @bob:test.local").await;
    let immune = world.tell(&world.root, &world.operators, &format!("!mod kick {}", alice.id)).await;
    let (_, kicked) = world.confirm_as(&alice, &world.operators, "!mod ban @spam:elsewhere.org").await;
    let taken = world.command(&format!("!mod role {} none", alice.id)).await;
    let listed = world.command("!mod roles").await;

    assert_eq!(given, "@alice:test.local is moderator now.");
    assert_eq!(too_much, "As moderator you may not do this.");
    assert!(immune.contains("looks after this server"), "{immune}");
    assert!(kicked.contains("done. Case c_"), "{kicked}");
    let member = bob.state(&room, "m.room.member", "@spam:elsewhere.org").await.expect("a ban");
    assert_eq!(member["membership"], "ban");
    assert_eq!(taken, "@alice:test.local has no role any more.");
    assert!(listed.contains("@root:test.local: owner") && !listed.contains("alice"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_makes_the_bot_talk_in_a_room() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&bob).await;
    alice.join(&room).await;

    alice.say(&room, "!mod ban @bob:test.local").await;
    let heard = world.tell(&bob, &room, "!mod help").await;

    assert!(heard.contains("ban <user") && !heard.contains("lockdown"), "{heard}");
    let said = bob.messages(&room, 20).await;
    let answers = said.iter().filter(|event| event["sender"] == world.app.bot.user_id().as_str());
    assert_eq!(answers.filter(|event| event["type"] == "m.room.message").count(), 2, "the greeting and the help");
}
