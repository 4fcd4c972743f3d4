//! What users have: rooms, pushers, account data.

use std::collections::BTreeMap;

use ruma::{OwnedRoomId, api::client::push::Pusher};
use serde::Serialize;
use serde_json::value::RawValue;

use super::Call;
use crate::{App, Result};

#[derive(Serialize)]
pub(super) struct JoinedRooms {
    joined_rooms: Vec<OwnedRoomId>,
    total: usize,
}

/// `GET /_synapse/admin/v1/users/{user_id}/joined_rooms`
pub(super) async fn joined_rooms(app: App, call: Call) -> Result<JoinedRooms> {
    let memberships = app.moderation.memberships_of(&call.user(0)?).await?;
    let joined = memberships.into_iter().filter(|(_, membership)| *membership == "join");
    let joined_rooms: Vec<OwnedRoomId> = joined.map(|(room_id, _)| room_id).collect();
    Ok(JoinedRooms { total: joined_rooms.len(), joined_rooms })
}

#[derive(Serialize)]
pub(super) struct Memberships {
    memberships: BTreeMap<OwnedRoomId, &'static str>,
}

/// `GET /_synapse/admin/v1/users/{user_id}/memberships`
pub(super) async fn memberships(app: App, call: Call) -> Result<Memberships> {
    Ok(Memberships { memberships: app.moderation.memberships_of(&call.user(0)?).await? })
}

#[derive(Serialize)]
pub(super) struct Pushers {
    pushers: Vec<Pusher>,
    total: usize,
}

/// `GET /_synapse/admin/v1/users/{user_id}/pushers`
pub(super) async fn pushers(app: App, call: Call) -> Result<Pushers> {
    let owner = app.accounts.administration.find(&call.user(0)?).await?.user;
    let pushers = app.push.pushers.list(owner).await?;
    Ok(Pushers { total: pushers.len(), pushers })
}

/// Account data by type.
type ByType = BTreeMap<String, Box<RawValue>>;

#[derive(Serialize)]
pub(super) struct AllAccountData {
    account_data: AccountData,
}

#[derive(Serialize)]
struct AccountData {
    global: ByType,
    rooms: BTreeMap<OwnedRoomId, ByType>,
}

/// `GET /_synapse/admin/v1/users/{user_id}/accountdata`
pub(super) async fn account_data(app: App, call: Call) -> Result<AllAccountData> {
    let (mut global, mut rooms) = (ByType::new(), BTreeMap::<OwnedRoomId, ByType>::new());
    for (room_id, kind, content) in app.moderation.account_data_of(&call.caller, &call.user(0)?).await? {
        match room_id {
            Some(room_id) => rooms.entry(room_id).or_default().insert(kind, content),
            None => global.insert(kind, content),
        };
    }
    Ok(AllAccountData { account_data: AccountData { global, rooms } })
}
