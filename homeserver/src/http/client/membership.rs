//! Coming into rooms and leaving them.

use bytes::Bytes;
use ruma::{
    OwnedRoomId, OwnedRoomOrAliasId, RoomAliasId, RoomId,
    api::client::{
        knock::knock_room,
        membership::{
            ban_user, forget_room, get_mutual_rooms, invite_user, join_room_by_id, join_room_by_id_or_alias,
            joined_rooms, kick_user, leave_room, unban_user,
        },
    },
};
use serde_json::{Map, Value};

use crate::{App, Error, Result, error::ErrorKind, http::endpoint::Ruma};

/// `POST /_matrix/client/v3/rooms/{roomId}/join`
pub async fn join(app: App, req: Ruma<join_room_by_id::v3::Request>) -> Result<join_room_by_id::v3::Response> {
    let content = extra_content(&req.raw);
    let room_id = app.memberships.join(&req.caller, &req.body.room_id, content, req.body.third_party_signed).await?;
    Ok(join_room_by_id::v3::Response::new(room_id))
}

/// `POST /_matrix/client/v3/join/{roomIdOrAlias}`
pub async fn join_by_alias(
    app: App,
    req: Ruma<join_room_by_id_or_alias::v3::Request>,
) -> Result<join_room_by_id_or_alias::v3::Response> {
    let content = extra_content(&req.raw);
    let room_id = room_of(&app, &req.body.room_id_or_alias).await?;
    let room_id = app.memberships.join(&req.caller, &room_id, content, req.body.third_party_signed).await?;
    Ok(join_room_by_id_or_alias::v3::Response::new(room_id))
}

/// What the body of a join says beyond what the specification has names for: it becomes a part of
/// the membership event.
fn extra_content(body: &Bytes) -> Map<String, Value> {
    let mut content: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    content.remove("third_party_signed");
    content
}

/// `POST /_matrix/client/v3/knock/{roomIdOrAlias}`
pub async fn knock(app: App, req: Ruma<knock_room::v3::Request>) -> Result<knock_room::v3::Response> {
    let room_id = room_of(&app, &req.body.room_id_or_alias).await?;
    let room_id = app.memberships.knock(&req.caller, &room_id, req.body.reason).await?;
    Ok(knock_room::v3::Response::new(room_id))
}

/// The room that is meant.
pub async fn room_of(app: &App, name: &OwnedRoomOrAliasId) -> Result<OwnedRoomId> {
    if let Ok(room_id) = <&RoomId>::try_from(&**name) {
        return Ok(room_id.to_owned());
    }
    let alias = <&RoomAliasId>::try_from(&**name);
    app.directory.resolve(alias.map_err(|_| Error::invalid_param("This is neither a room ID nor an alias."))?).await
}

/// `POST /_matrix/client/v3/rooms/{roomId}/leave`
pub async fn leave(app: App, req: Ruma<leave_room::v3::Request>) -> Result<leave_room::v3::Response> {
    app.memberships.leave(&req.caller, &req.body.room_id, req.body.reason).await?;
    Ok(leave_room::v3::Response::new())
}

/// `POST /_matrix/client/v3/rooms/{roomId}/forget`
pub async fn forget(app: App, req: Ruma<forget_room::v3::Request>) -> Result<forget_room::v3::Response> {
    app.rooms.forget(&req.caller, &req.body.room_id).await?;
    Ok(forget_room::v3::Response::new())
}

/// `POST /_matrix/client/v3/rooms/{roomId}/invite`
pub async fn invite(app: App, req: Ruma<invite_user::v3::Request>) -> Result<invite_user::v3::Response> {
    let invite_user::v3::Request { room_id, recipient, .. } = req.body;
    let invite_user::v3::InvitationRecipient::UserId(target) = recipient else {
        return Err(Error::refused(ErrorKind::ThreepidDenied, "This server invites users by their Matrix ID only."));
    };
    app.memberships.invite(&req.caller, &target.user_id, &room_id, false, target.reason).await?;
    Ok(invite_user::v3::Response::new())
}

/// `POST /_matrix/client/v3/rooms/{roomId}/kick`
pub async fn kick(app: App, req: Ruma<kick_user::v3::Request>) -> Result<kick_user::v3::Response> {
    app.memberships.kick(&req.caller, &req.body.user_id, &req.body.room_id, req.body.reason).await?;
    Ok(kick_user::v3::Response::new())
}

/// `POST /_matrix/client/v3/rooms/{roomId}/ban`
pub async fn ban(app: App, req: Ruma<ban_user::v3::Request>) -> Result<ban_user::v3::Response> {
    app.memberships.ban(&req.caller, &req.body.user_id, &req.body.room_id, req.body.reason).await?;
    Ok(ban_user::v3::Response::new())
}

/// `POST /_matrix/client/v3/rooms/{roomId}/unban`
pub async fn unban(app: App, req: Ruma<unban_user::v3::Request>) -> Result<unban_user::v3::Response> {
    app.memberships.unban(&req.caller, &req.body.user_id, &req.body.room_id, req.body.reason).await?;
    Ok(unban_user::v3::Response::new())
}

/// `GET /_matrix/client/v3/joined_rooms`
pub async fn joined_rooms(app: App, req: Ruma<joined_rooms::v3::Request>) -> Result<joined_rooms::v3::Response> {
    Ok(joined_rooms::v3::Response::new(app.memberships.joined_rooms(req.caller.nid).await?))
}

/// `GET /_matrix/client/v1/mutual_rooms`
pub async fn mutual_rooms(
    app: App,
    req: Ruma<get_mutual_rooms::v1::Request>,
) -> Result<get_mutual_rooms::v1::Response> {
    let shared = app.memberships.shared_rooms(&req.caller, &req.body.user_id, req.body.from.as_deref()).await?;
    let count = u64::try_from(shared.count).ok().and_then(|count| count.try_into().ok()).unwrap_or_default();
    let mut response = get_mutual_rooms::v1::Response::new(count, shared.rooms);
    response.next_batch = shared.next;
    Ok(response)
}
