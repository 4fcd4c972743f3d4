//! The operators' room, and who is heard where.

use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_finds_a_room_in_which_the_bot_helps() {
    let world = World::start().await;

    let helped = world.command("!mod help").await;
    let mistyped = world.command("!mod hepl").await;

    assert!(helped.contains("You can use here:") && helped.contains("help [command]"), "{helped}");
    assert_eq!(mistyped, "There is no command hepl. Do you mean help?");
}
