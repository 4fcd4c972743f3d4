//! What operators and moderators choose.

use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn options_are_told_changed_and_reset() {
    let world = World::start().await;

    let all = world.command("!mod protect").await;
    let set = world.command("!mod protect set flood within-s 2m").await;
    let shown = world.command("!mod protect show flood").await;
    let reset = world.command("!mod protect reset flood within_s").await;
    let after = world.command("!mod protect flood").await;

    assert!(all.contains("flood (log): One user who writes too much"), "{all}");
    assert!(set.contains("flood.within_s is 120 now in all rooms"), "{set}");
    assert!(shown.contains("within_s = 120 (chosen by command)") && shown.contains("exempt.power = 50"), "{shown}");
    assert_eq!(reset, "It is as it was configured.");
    assert!(after.contains("within_s = 60"), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_in_a_sentence() {
    let world = World::start().await;

    for (text, expected) in [
        ("mode ban_evasion act", "people share names and networks"),
        ("mode flood kill", "flood.mode cannot have this value."),
        ("set flood events many", "events is a number."),
        ("set flood colour red", "flood has no option colour. It has: events,"),
        ("mode nothing act", "There is no protection nothing."),
        ("set flood events", "What is events to be?"),
        ("mode registration_wave act --room !nowhere:test.local", "I do not look after this room."),
    ] {
        let answer = world.command(&format!("!mod protect {text}")).await;
        assert!(answer.contains(expected), "{text}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn moderators_choose_for_their_own_room_only() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let (of_alice, of_bob) = (world.protected_room(&alice).await, world.protected_room(&bob).await);

    let own = world.tell(&alice, &of_alice, "!mod protect mode flood act").await;
    let other = world.tell(&alice, &of_alice, &format!("!mod protect mode flood act --room {of_bob}")).await;
    let server = world.tell(&alice, &of_alice, "!mod protect mode registration_wave act").await;

    assert!(own.contains(&format!("flood.mode is act now in {of_alice}")), "{own}");
    assert!(other.contains("Here you can command this room only."), "{other}");
    assert!(server.contains("about the whole server"), "{server}");
    let chosen = world.app.guard.chosen();
    assert_eq!(chosen.of(&of_alice).flood.mode.name(), "act");
    assert_eq!(chosen.of(&of_bob).flood.mode.name(), "log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protection_that_finds_too_much_rests() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&alice).await;
    bob.join(&room).await;
    world.protect("set watched_words words +spam").await;
    world.protect("mode watched_words log").await;

    for _ in 0..101 {
        bob.say(&room, "spam").await;
    }

    world.heard("watched_words found more than 100 things within an hour").await;
}
