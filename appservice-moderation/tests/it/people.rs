//! What is done to people in rooms, for how long, and how it is taken back.

use std::time::Duration;

use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_reaches_all_rooms_and_is_undone_as_a_whole() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let (one, two) = (world.protected_room(&bob).await, world.protected_room(&bob).await);
    alice.join(&one).await;

    let (proposed, outcome) = world.confirm("!mod ban @alice:test.local --reason raid of today").await;

    assert!(proposed.contains("Ban @alice:test.local, because: raid of today"), "{proposed}");
    assert!(proposed.contains("@alice:test.local in 2 rooms; is in 1 of them now"), "{proposed}");
    for room in [&one, &two] {
        assert_eq!(bob.membership_of(room, &alice).await, "ban");
    }
    let case = world.case_in(&outcome);
    let reason = bob.state(&one, "m.room.member", alice.id.as_str()).await.expect("a ban")["reason"].clone();
    assert_eq!(reason, format!("raid of today ({case})"));

    let undone = world.command(&format!("!mod undo {case}")).await;

    assert_eq!(undone, "Ban @alice:test.local is undone.");
    alice.join(&one).await;
    alice.join(&two).await;
    let told = world.command(&format!("!mod case {case}")).await;
    assert!(told.contains("Undone a moment ago by @root:test.local"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bans_and_mutes_end_by_themselves() {
    let world = World::start().await;
    let [alice, bob, carol] = world.server.users(["alice", "bob", "carol"]).await;
    let room = world.protected_room(&bob).await;
    alice.join(&room).await;
    carol.join(&room).await;

    let (_, banned) = world.confirm("!mod ban @alice:test.local --for 7d").await;
    let again = world.command("!mod ban @alice:test.local").await;
    world.confirm("!mod mute @carol:test.local --for 1h").await;
    carol.try_say(&room, "too loud").await.expect_err("she has no voice");
    world.app.clock.advance(Duration::from_secs(3700));
    world.until("she has her voice back", async || carol.try_say(&room, "quieter").await.is_ok()).await;
    alice.try_join(&room).await.expect_err("she is banned still");
    world.app.clock.advance(Duration::from_secs(7 * 24 * 3600));

    world.until("the ban has ended", async || alice.try_join(&room).await.is_ok()).await;
    assert!(banned.contains("It ends by itself in"), "{banned}");
    let earlier = format!("case {} Ban @alice:test.local, ends in 1 week", world.case_in(&banned));
    assert!(again.starts_with("There is nothing to do.") && again.contains(&earlier), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn undoing_a_mute_restores_the_power_that_somebody_had() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&bob).await;
    alice.join(&room).await;
    let mut levels = bob.state(&room, "m.room.power_levels", "").await.expect("there are some");
    levels["users"][alice.id.as_str()] = 30.into();
    bob.set_state(&room, "m.room.power_levels", "", levels).await;

    let (_, outcome) = world.confirm("!mod mute @alice:test.local").await;
    let muted = bob.state(&room, "m.room.power_levels", "").await.expect("there are some");
    world.command(&format!("!mod undo {}", world.case_in(&outcome))).await;

    assert_eq!(muted["users"][alice.id.as_str()], -1);
    let after = bob.state(&room, "m.room.power_levels", "").await.expect("there are some");
    assert_eq!(after["users"][alice.id.as_str()], 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_moderates_a_room_commands_there_and_only_there() {
    let world = World::start().await;
    let [alice, bob, carol] = world.server.users(["alice", "bob", "carol"]).await;
    let (of_bob, of_carol) = (world.protected_room(&bob).await, world.protected_room(&carol).await);
    alice.join(&of_bob).await;
    alice.join(&of_carol).await;

    world.confirm_as(&bob, &of_bob, "!mod ban @alice:test.local --reason enough").await;
    let elsewhere = world.tell(&bob, &of_bob, &format!("!mod kick @alice:test.local --room {of_carol}")).await;
    let rules = world.tell(&bob, &of_bob, "!mod ban ip:127.0.9.0/24").await;

    assert_eq!(bob.membership_of(&of_bob, &alice).await, "ban");
    assert_eq!(carol.membership_of(&of_carol, &alice).await, "join");
    assert!(elsewhere.contains("Here you can command this room only."), "{elsewhere}");
    assert_eq!(rules, "Only administrators may write access rules.");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_redacted_and_others_are_spared() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&bob).await;
    alice.join(&room).await;
    for text in ["one", "two", "three"] {
        alice.say(&room, text).await;
    }
    bob.say(&room, "a word of bob").await;

    let (_, outcome) = world.confirm("!mod redact @alice:test.local --last 2").await;

    assert!(outcome.contains("done"), "{outcome}");
    let left: Vec<String> = bob
        .messages(&room, 50)
        .await
        .iter()
        .filter(|event| event["sender"] != world.app.bot.user_id().as_str())
        .filter_map(|event| event["content"]["body"].as_str().map(ToOwned::to_owned))
        .collect();
    assert_eq!(left, ["a word of bob", "one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_comes_in_a_chat() {
    let world = World::start().await;
    let alice = world.server.user("alice").await;

    world.command("!mod warn @alice:test.local --reason Please be kind.").await;

    let sync = alice.get("/_matrix/client/v3/sync").await.expect("she may sync");
    let invites = sync["rooms"]["invite"].as_object().expect("an invitation").clone();
    let room: ruma::OwnedRoomId = invites.keys().next().expect("one").as_str().try_into().expect("a room ID");
    alice.join(&room).await;
    let said = alice.messages(&room, 5).await;
    assert!(said.iter().any(|event| event["content"]["body"] == "Please be kind."), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_suspended_for_a_time() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = bob.create_public_room().await;
    alice.join(&room).await;

    world.confirm("!mod suspend @alice:test.local --for 1d").await;
    alice.try_say(&room, "hello").await.expect_err("she is suspended");
    world.app.clock.advance(Duration::from_secs(25 * 3600));

    world.until("she may act again", async || alice.try_say(&room, "hello").await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_kicked_can_come_back_and_who_is_unmuted_can_speak() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&bob).await;
    alice.join(&room).await;

    let (proposed, outcome) = world.confirm("!mod kick @alice:test.local --reason off topic").await;
    let membership = bob.membership_of(&room, &alice).await;
    alice.join(&room).await;
    world.confirm("!mod mute @alice:test.local").await;
    alice.try_say(&room, "hello").await.expect_err("she has no voice");
    let given = world.command("!mod unmute @alice:test.local").await;

    assert!(proposed.contains("Kick @alice:test.local, because: off topic"), "{proposed}");
    assert!(!outcome.contains("takes it back"), "a kick is over: {outcome}");
    assert_eq!(membership, "leave");
    assert!(given.contains("done."), "{given}");
    alice.say(&room, "hello").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_locked_and_unlocked_and_lose_nothing() {
    let world = World::start().await;
    let alice = world.server.user("alice").await;
    let sync = "/_matrix/client/v3/sync";

    world.confirm("!mod lock @alice:test.local --reason stolen").await;
    let refusal = alice.get(sync).await.expect_err("she is locked out");
    let again = world.confirm("!mod lock @alice:test.local").await.1;
    let unlocked = world.command("!mod unlock @alice:test.local").await;

    assert_eq!((&refusal.body["errcode"], &refusal.body["soft_logout"]), (&"M_USER_LOCKED".into(), &true.into()));
    assert!(again.contains("there was nothing to do"), "{again}");
    assert!(unlocked.contains("done."), "{unlocked}");
    alice.get(sync).await.expect("the same session is good");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_while_the_program_is_away_ends_when_it_is_back() {
    let world = World::start().await;
    let [alice, bob, carol] = world.server.users(["alice", "bob", "carol"]).await;
    let room = world.protected_room(&bob).await;
    carol.join(&room).await;
    world.confirm("!mod ban @alice:test.local --for 7d").await;
    world.confirm("!mod mute @carol:test.local --for 1h").await;

    let world = world.sleep_through(Duration::from_secs(8 * 24 * 3600)).await;

    world.until("the ban has ended", async || alice.try_join(&room).await.is_ok()).await;
    world.until("she has her voice back", async || carol.try_say(&room, "hello").await.is_ok()).await;
    let ended = world.app.actions.list(moderation::actions::About::Everything, 5).await.expect("they can be read");
    for case in ended {
        let account = world.app.actions.account(&case.case_id).await.expect("it is there");
        assert!(account.jobs.iter().all(|job| !job.state.is_open()), "{account:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn power_to_ban_does_not_take_back_what_needs_more() {
    let world = World::start().await;
    let [alice, bob, carol] = world.server.users(["alice", "bob", "carol"]).await;
    let room = world.protected_room(&bob).await;
    for user in [&alice, &carol] {
        user.join(&room).await;
    }
    let mut levels = bob.state(&room, "m.room.power_levels", "").await.expect("there are some");
    levels["users"][carol.id.as_str()] = 50.into();
    bob.set_state(&room, "m.room.power_levels", "", levels).await;

    let (_, muted) = world.confirm_as(&bob, &room, "!mod mute @alice:test.local").await;
    let refused = world.tell(&carol, &room, &format!("!mod undo {}", world.case_in(&muted))).await;
    let (_, of_all) = world.confirm("!mod ban @spam:elsewhere.org").await;
    let unknown = world.tell(&carol, &room, &format!("!mod undo {}", world.case_in(&of_all))).await;
    let too_high = world.tell(&carol, &room, "!mod ban @bob:test.local").await;
    let not_theirs = world.tell(&carol, &room, "!mod lock @alice:test.local").await;

    assert_eq!(refused, "You lack the power in this room to take all of this back.");
    assert!(unknown.contains("There is no case") && unknown.contains("of this room."), "{unknown}");
    assert!(too_high.contains("they have as much power there as"), "{too_high}");
    assert_eq!(not_theirs, "You may not do this.");
    alice.try_say(&room, "hello").await.expect_err("she is muted still");
}
