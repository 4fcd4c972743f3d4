//! Finding rooms: aliases, the published list, summaries.

use ruma::api::client::{
    alias::{create_alias, delete_alias, get_alias},
    directory::{get_public_rooms, get_public_rooms_filtered, get_room_visibility, set_room_visibility},
    room::{aliases, get_summary},
    space::get_hierarchy,
};

use super::membership::room_of;
use crate::{App, Result, http::endpoint::Ruma};

/// `PUT /_matrix/client/v3/directory/room/{roomAlias}`
pub async fn set_alias(app: App, req: Ruma<create_alias::v3::Request>) -> Result<create_alias::v3::Response> {
    app.directory.set_alias(&req.caller, &req.body.room_alias, &req.body.room_id).await?;
    Ok(create_alias::v3::Response::new())
}

/// `GET /_matrix/client/v3/directory/room/{roomAlias}`
pub async fn alias(app: App, req: Ruma<get_alias::v3::Request>) -> Result<get_alias::v3::Response> {
    let room_id = app.directory.resolve(&req.body.room_alias).await?;
    let servers = app.directory.servers_of(&room_id).await?;
    Ok(get_alias::v3::Response::new(room_id, servers))
}

/// `DELETE /_matrix/client/v3/directory/room/{roomAlias}`
pub async fn delete_alias(app: App, req: Ruma<delete_alias::v3::Request>) -> Result<delete_alias::v3::Response> {
    app.directory.delete_alias(&req.caller, &req.body.room_alias).await?;
    Ok(delete_alias::v3::Response::new())
}

/// `GET /_matrix/client/v3/rooms/{roomId}/aliases`
pub async fn aliases(app: App, req: Ruma<aliases::v3::Request>) -> Result<aliases::v3::Response> {
    Ok(aliases::v3::Response::new(app.directory.aliases(&req.caller, &req.body.room_id).await?))
}

/// `GET /_matrix/client/v3/directory/list/room/{roomId}`
pub async fn visibility(
    app: App,
    req: Ruma<get_room_visibility::v3::Request>,
) -> Result<get_room_visibility::v3::Response> {
    Ok(get_room_visibility::v3::Response::new(app.directory.visibility(&req.body.room_id).await?))
}

/// `PUT /_matrix/client/v3/directory/list/room/{roomId}`
pub async fn set_visibility(
    app: App,
    req: Ruma<set_room_visibility::v3::Request>,
) -> Result<set_room_visibility::v3::Response> {
    app.directory.set_visibility(&req.caller, &req.body.room_id, &req.body.visibility).await?;
    Ok(set_room_visibility::v3::Response::new())
}

/// `GET /_matrix/client/v3/publicRooms`
pub async fn public_rooms(app: App, req: Ruma<get_public_rooms::v3::Request>) -> Result<String> {
    let get_public_rooms::v3::Request { limit, since, server, .. } = req.body;
    let mut request = get_public_rooms_filtered::v3::Request::new();
    (request.limit, request.since, request.server) = (limit, since, server);
    app.directory.public_rooms(request).await
}

/// `POST /_matrix/client/v3/publicRooms`
pub async fn search_public_rooms(app: App, req: Ruma<get_public_rooms_filtered::v3::Request>) -> Result<String> {
    app.directory.public_rooms(req.body).await
}

/// `GET /_matrix/client/v1/room_summary/{roomIdOrAlias}`
pub async fn summary(app: App, req: Ruma<get_summary::v1::Request>) -> Result<String> {
    let room_id = room_of(&app, &req.body.room_id_or_alias).await?;
    app.directory.room_summary(req.caller.as_ref(), &room_id).await
}

/// `GET /_matrix/client/v1/rooms/{roomId}/hierarchy`
pub async fn hierarchy(app: App, req: Ruma<get_hierarchy::v1::Request>) -> Result<String> {
    app.directory.hierarchy(&req.caller, req.body).await
}
