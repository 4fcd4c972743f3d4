//! Protections: what is found, what comes of it, and who is passed over.

mod choices;
mod feeds;
mod modes;
mod rooms;

use homeserver_testing::TestUser;
use ruma::RoomId;
use serde_json::Value;

use crate::support::World;

/// What stands for somebody in the power levels of a room.
async fn power(world: &World, room: &RoomId, user: &TestUser) -> Value {
    let content = world.bot().state(room, "m.room.power_levels", "").await.expect("there are power levels");
    content["users"][user.id.as_str()].clone()
}

/// The case that a protection opened about a room, once it has.
async fn case_of(world: &World, protection: &str) -> moderation::actions::Case {
    let origin = format!("protection:{protection}");
    let find = async || {
        let all = world.app.actions.list(moderation::actions::About::Everything, 100).await.expect("there are cases");
        all.into_iter().rev().find(|case| case.origin == origin)
    };
    world.until("there is a case", async || find().await.is_some()).await;
    find().await.expect("it was there a moment ago")
}
