//! Coming into rooms and leaving them.

use ruma::{
    OwnedRoomOrAliasId, RoomId,
    api::client::{
        knock::knock_room,
        membership::{
            ban_user, forget_room, invite_user, join_room_by_id, join_room_by_id_or_alias, kick_user, leave_room,
            unban_user,
        },
    },
};

use crate::{App, Error, Result, http::endpoint::Ruma};

/// `POST /_matrix/client/v3/rooms/{roomId}/join`
pub async fn join(app: App, req: Ruma<join_room_by_id::v3::Request>) -> Result<join_room_by_id::v3::Response> {
    let room_id = app.memberships.join(&req.caller, &req.body.room_id, req.body.reason).await?;
    Ok(join_room_by_id::v3::Response::new(room_id))
}

/// `POST /_matrix/client/v3/join/{roomIdOrAlias}`
pub async fn join_by_alias(
    app: App,
    req: Ruma<join_room_by_id_or_alias::v3::Request>,
) -> Result<join_room_by_id_or_alias::v3::Response> {
    let room_id = room_of(&app, &req.body.room_id_or_alias).await?;
    let room_id = app.memberships.join(&req.caller, &room_id, req.body.reason).await?;
    Ok(join_room_by_id_or_alias::v3::Response::new(room_id))
}

/// `POST /_matrix/client/v3/knock/{roomIdOrAlias}`
pub async fn knock(app: App, req: Ruma<knock_room::v3::Request>) -> Result<knock_room::v3::Response> {
    let room_id = room_of(&app, &req.body.room_id_or_alias).await?;
    let room_id = app.memberships.knock(&req.caller, &room_id, req.body.reason).await?;
    Ok(knock_room::v3::Response::new(room_id))
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
        return Err(Error::refused(
            ruma::api::error::ErrorKind::ThreepidDenied,
            "This server invites users by their Matrix ID only.",
        ));
    };
    app.memberships.invite(&req.caller, &target.user_id, &room_id, target.reason).await?;
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

async fn room_of(_app: &App, name: &OwnedRoomOrAliasId) -> Result<ruma::OwnedRoomId> {
    match <&RoomId>::try_from(&**name) {
        Ok(room_id) => Ok(room_id.to_owned()),
        Err(_) => Err(Error::not_found("There is no room with this alias.")),
    }
}
