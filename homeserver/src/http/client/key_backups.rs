//! Backups of room keys. Client-server API, "Server-side key backups".

use std::collections::BTreeMap;

use ruma::api::client::backup::{
    RoomKeyBackup, add_backup_keys, add_backup_keys_for_room, add_backup_keys_for_session, create_backup_version,
    delete_backup_keys, delete_backup_keys_for_room, delete_backup_keys_for_session, delete_backup_version,
    get_backup_info, get_backup_keys, get_backup_keys_for_room, get_backup_keys_for_session, get_latest_backup_info,
    update_backup_version,
};

use crate::{
    App, Result,
    http::endpoint::Ruma,
    keys::backups::{BackupVersion, Contents, Scope},
};

/// `POST /_matrix/client/v3/room_keys/version`
pub(super) async fn create(
    app: App,
    req: Ruma<create_backup_version::v3::Request>,
) -> Result<create_backup_version::v3::Response> {
    let version = app.backups.create(req.caller.nid, &req.body.algorithm).await?;
    Ok(create_backup_version::v3::Response::new(version))
}

/// `GET /_matrix/client/v3/room_keys/version`
pub(super) async fn current(
    app: App,
    req: Ruma<get_latest_backup_info::v3::Request>,
) -> Result<get_latest_backup_info::v3::Response> {
    let BackupVersion { algorithm, version, contents } = app.backups.current(req.caller.nid).await?;
    Ok(get_latest_backup_info::v3::Response::new(algorithm, contents.count, contents.etag, version))
}

/// `GET /_matrix/client/v3/room_keys/version/{version}`
pub(super) async fn version(
    app: App,
    req: Ruma<get_backup_info::v3::Request>,
) -> Result<get_backup_info::v3::Response> {
    let BackupVersion { algorithm, version, contents } = app.backups.version(req.caller.nid, &req.body.version).await?;
    Ok(get_backup_info::v3::Response::new(algorithm, contents.count, contents.etag, version))
}

/// `PUT /_matrix/client/v3/room_keys/version/{version}`
pub(super) async fn update(
    app: App,
    req: Ruma<update_backup_version::v3::Request>,
) -> Result<update_backup_version::v3::Response> {
    app.backups.update(req.caller.nid, &req.body.version, &req.body.algorithm).await?;
    Ok(update_backup_version::v3::Response::new())
}

/// `DELETE /_matrix/client/v3/room_keys/version/{version}`
pub(super) async fn delete(
    app: App,
    req: Ruma<delete_backup_version::v3::Request>,
) -> Result<delete_backup_version::v3::Response> {
    app.backups.delete(req.caller.nid, &req.body.version).await?;
    Ok(delete_backup_version::v3::Response::new())
}

/// `PUT /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}`
pub(super) async fn store_session(
    app: App,
    req: Ruma<add_backup_keys_for_session::v3::Request>,
) -> Result<add_backup_keys_for_session::v3::Response> {
    let add_backup_keys_for_session::v3::Request { version, room_id, session_id, session_data, .. } = req.body;
    let room = RoomKeyBackup::new(BTreeMap::from([(session_id, session_data)]));
    let Contents { etag, count } =
        app.backups.store(req.caller.nid, &version, BTreeMap::from([(room_id, room)])).await?;
    Ok(add_backup_keys_for_session::v3::Response::new(etag, count))
}

/// `GET /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}`
pub(super) async fn session(
    app: App,
    req: Ruma<get_backup_keys_for_session::v3::Request>,
) -> Result<get_backup_keys_for_session::v3::Response> {
    let get_backup_keys_for_session::v3::Request { version, room_id, session_id, .. } = req.body;
    let key = app.backups.key(req.caller.nid, &version, &room_id, &session_id).await?;
    Ok(get_backup_keys_for_session::v3::Response::new(key))
}

/// `DELETE /_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}`
pub(super) async fn delete_session(
    app: App,
    req: Ruma<delete_backup_keys_for_session::v3::Request>,
) -> Result<delete_backup_keys_for_session::v3::Response> {
    let delete_backup_keys_for_session::v3::Request { version, room_id, session_id, .. } = req.body;
    let scope = Scope::Session(room_id.as_str(), &session_id);
    let Contents { etag, count } = app.backups.delete_keys(req.caller.nid, &version, scope).await?;
    Ok(delete_backup_keys_for_session::v3::Response::new(etag, count))
}

/// `PUT /_matrix/client/v3/room_keys/keys/{roomId}`
pub(super) async fn store_room(
    app: App,
    req: Ruma<add_backup_keys_for_room::v3::Request>,
) -> Result<add_backup_keys_for_room::v3::Response> {
    let add_backup_keys_for_room::v3::Request { version, room_id, sessions, .. } = req.body;
    let rooms = BTreeMap::from([(room_id, RoomKeyBackup::new(sessions))]);
    let Contents { etag, count } = app.backups.store(req.caller.nid, &version, rooms).await?;
    Ok(add_backup_keys_for_room::v3::Response::new(etag, count))
}

/// `GET /_matrix/client/v3/room_keys/keys/{roomId}`
pub(super) async fn room(
    app: App,
    req: Ruma<get_backup_keys_for_room::v3::Request>,
) -> Result<get_backup_keys_for_room::v3::Response> {
    let get_backup_keys_for_room::v3::Request { version, room_id, .. } = req.body;
    let mut rooms = app.backups.keys(req.caller.nid, &version, Scope::Room(room_id.as_str())).await?;
    let sessions = rooms.remove(&room_id).map(|room| room.sessions).unwrap_or_default();
    Ok(get_backup_keys_for_room::v3::Response::new(sessions))
}

/// `DELETE /_matrix/client/v3/room_keys/keys/{roomId}`
pub(super) async fn delete_room(
    app: App,
    req: Ruma<delete_backup_keys_for_room::v3::Request>,
) -> Result<delete_backup_keys_for_room::v3::Response> {
    let scope = Scope::Room(req.body.room_id.as_str());
    let Contents { etag, count } = app.backups.delete_keys(req.caller.nid, &req.body.version, scope).await?;
    Ok(delete_backup_keys_for_room::v3::Response::new(etag, count))
}

/// `PUT /_matrix/client/v3/room_keys/keys`
pub(super) async fn store(app: App, req: Ruma<add_backup_keys::v3::Request>) -> Result<add_backup_keys::v3::Response> {
    let Contents { etag, count } = app.backups.store(req.caller.nid, &req.body.version, req.body.rooms).await?;
    Ok(add_backup_keys::v3::Response::new(etag, count))
}

/// `GET /_matrix/client/v3/room_keys/keys`
pub(super) async fn keys(app: App, req: Ruma<get_backup_keys::v3::Request>) -> Result<get_backup_keys::v3::Response> {
    let rooms = app.backups.keys(req.caller.nid, &req.body.version, Scope::All).await?;
    Ok(get_backup_keys::v3::Response::new(rooms))
}

/// `DELETE /_matrix/client/v3/room_keys/keys`
pub(super) async fn delete_keys(
    app: App,
    req: Ruma<delete_backup_keys::v3::Request>,
) -> Result<delete_backup_keys::v3::Response> {
    let Contents { etag, count } = app.backups.delete_keys(req.caller.nid, &req.body.version, Scope::All).await?;
    Ok(delete_backup_keys::v3::Response::new(etag, count))
}
