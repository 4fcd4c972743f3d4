//! Shutting rooms down.

use ruma::{OwnedRoomAliasId, OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};

use super::{Call, redactions::word};
use crate::{
    App, Error, Result,
    moderation::{Done, ShutdownRequest, ShutdownStatus},
    storage::errands::State,
};

#[derive(Deserialize)]
struct Body {
    new_room_user_id: Option<OwnedUserId>,
    room_name: Option<String>,
    message: Option<String>,
    block: Option<bool>,
    purge: Option<bool>,
    force_purge: Option<bool>,
}

impl From<Body> for ShutdownRequest {
    fn from(body: Body) -> Self {
        Self {
            new_room_user: body.new_room_user_id,
            room_name: body.room_name,
            message: body.message,
            blocks: body.block.unwrap_or(false),
            purges: body.purge.unwrap_or(true),
            purges_by_force: body.force_purge.unwrap_or(false),
        }
    }
}

/// What was done.
#[derive(Serialize)]
pub(super) struct Outcome {
    kicked_users: Vec<OwnedUserId>,
    failed_to_kick_users: Vec<OwnedUserId>,
    local_aliases: Vec<OwnedRoomAliasId>,
    new_room_id: Option<OwnedRoomId>,
}

impl From<Done> for Outcome {
    fn from(done: Done) -> Self {
        Self {
            kicked_users: done.kicked_users,
            failed_to_kick_users: done.failed_to_kick_users,
            local_aliases: done.local_aliases,
            new_room_id: done.new_room_id,
        }
    }
}

/// `DELETE /_synapse/admin/v1/rooms/{room_id}`: answers when it is done.
pub(super) async fn delete_and_wait(app: App, call: Call) -> Result<Outcome> {
    let request = ShutdownRequest::from(call.body::<Body>()?);
    let id = app.moderation.shut(&call.caller, &call.room(0)?, &request).await?;
    let status = app.moderation.ended_shutdown(&id).await?;
    match status.error {
        Some(message) if status.state == State::Failed => Err(Error::unknown(message)),
        _ => Ok(status.done.into()),
    }
}

#[derive(Serialize)]
pub(super) struct Begun {
    delete_id: String,
}

/// `DELETE /_synapse/admin/v2/rooms/{room_id}`
pub(super) async fn delete(app: App, call: Call) -> Result<Begun> {
    let request = ShutdownRequest::from(call.body::<Body>()?);
    Ok(Begun { delete_id: app.moderation.shut(&call.caller, &call.room(0)?, &request).await? })
}

#[derive(Serialize)]
pub(super) struct Status {
    delete_id: String,
    room_id: String,
    status: &'static str,
    shutdown_room: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<ShutdownStatus> for Status {
    fn from(status: ShutdownStatus) -> Self {
        Self {
            delete_id: status.id,
            room_id: status.room_id,
            status: word(status.state),
            shutdown_room: status.done.into(),
            error: status.error,
        }
    }
}

/// `GET /_synapse/admin/v2/rooms/delete_status/{delete_id}`
pub(super) async fn status(app: App, call: Call) -> Result<Status> {
    Ok(app.moderation.shutdown(&call.args[0]).await?.into())
}

#[derive(Serialize)]
pub(super) struct Statuses {
    results: Vec<Status>,
}

/// `GET /_synapse/admin/v2/rooms/{room_id}/delete_status`
pub(super) async fn of_room(app: App, call: Call) -> Result<Statuses> {
    let shutdowns = app.moderation.shutdowns(&call.room(0)?).await?;
    if shutdowns.is_empty() {
        return Err(Error::not_found("Nobody has asked for this room to be deleted, or that was long ago."));
    }
    Ok(Statuses { results: shutdowns.into_iter().map(Status::from).collect() })
}
