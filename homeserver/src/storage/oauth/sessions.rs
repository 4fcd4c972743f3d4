//! The sessions that applications began by OAuth.

use ruma::{DeviceId, OwnedDeviceId};

use crate::{
    Result,
    storage::{
        Conn,
        codec::{DeviceIdColumn, Text},
        numbers::UserNid,
    },
};

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of `oauth_sessions`")]
pub struct OAuthSessionRow {
    pub client_id: String,
    pub scope: String,
}

/// Inserts a session in place of an earlier one of the device.
pub async fn upsert(
    conn: &mut Conn,
    user: UserNid,
    device_id: &DeviceId,
    session: &OAuthSessionRow,
    now_ms: i64,
) -> Result<()> {
    sqlx::query!(
        "insert into oauth_sessions (user_nid, device_id, client_id, scope, created_at) values (?, ?, ?, ?, ?)
         on duplicate key update client_id = values(client_id), scope = values(scope), created_at = values(created_at)",
        user,
        device_id.as_str(),
        session.client_id,
        session.scope,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds the session of a device.
pub async fn find(conn: &mut Conn, user: UserNid, device_id: &DeviceId) -> Result<Option<OAuthSessionRow>> {
    let row = sqlx::query!(
        "select client_id as `client_id: Text`, scope as `scope: Text`
         from oauth_sessions
         where user_nid = ? and device_id = ?",
        user,
        device_id.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| OAuthSessionRow { client_id: row.client_id.0, scope: row.scope.0 }))
}

/// Lists a user's devices with such a session, and their applications' metadata.
pub async fn list(conn: &mut Conn, user: UserNid) -> Result<Vec<(OwnedDeviceId, String)>> {
    let rows = sqlx::query!(
        "select device_id as `device_id: DeviceIdColumn`, metadata as `metadata: Text`
         from oauth_sessions
         join oauth_clients on oauth_clients.client_id = oauth_sessions.client_id
         where user_nid = ?",
        user
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.device_id.0, row.metadata.0)).collect())
}

/// Deletes the session of a device.
pub async fn delete(conn: &mut Conn, user: UserNid, device_id: &DeviceId) -> Result<()> {
    sqlx::query!("delete from oauth_sessions where user_nid = ? and device_id = ?", user, device_id.as_str())
        .execute(conn)
        .await?;
    Ok(())
}
