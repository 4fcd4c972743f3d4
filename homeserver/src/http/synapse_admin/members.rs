//! Who is in rooms, and who looks after them.

use ruma::{OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};

use super::{Call, Nothing};
use crate::{App, Result};

#[derive(Serialize)]
pub(super) struct Members {
    members: Vec<OwnedUserId>,
    total: usize,
}

/// `GET /_synapse/admin/v1/rooms/{room_id}/members`
pub(super) async fn list(app: App, call: Call) -> Result<Members> {
    let members = app.moderation.room_members(&call.room(0)?).await?;
    Ok(Members { total: members.len(), members })
}

#[derive(Serialize)]
pub(super) struct Joined {
    room_id: OwnedRoomId,
}

/// `POST /_synapse/admin/v1/join/{room_id_or_alias}`
pub(super) async fn join(app: App, call: Call) -> Result<Joined> {
    #[derive(Deserialize)]
    struct Body {
        user_id: OwnedUserId,
    }
    let (Body { user_id }, room_id) = (call.body()?, call.room_of(&app, 0).await?);
    Ok(Joined { room_id: app.moderation.join(&call.caller, &user_id, &room_id).await? })
}

/// `POST /_synapse/admin/v1/rooms/{room_id_or_alias}/make_room_admin`
pub(super) async fn make_room_admin(app: App, call: Call) -> Result<Nothing> {
    #[derive(Deserialize)]
    struct Body {
        user_id: Option<OwnedUserId>,
    }
    let Body { user_id } = call.body()?;
    let user_id = user_id.unwrap_or_else(|| call.caller.id.clone());
    app.moderation.make_room_admin(&call.caller, &call.room_of(&app, 0).await?, &user_id).await?;
    Ok(Nothing {})
}
