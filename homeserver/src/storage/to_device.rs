//! Messages from device to device that wait for their receivers. The log writes them.

use ruma::{DeviceId, OwnedDeviceId, ServerName};
use sqlx::AssertSqlSafe;

use super::{
    Conn, bulk,
    codec::{DeviceIdColumn, Text},
    numbers::{Position, UserNid},
};
use crate::Result;

/// A message at its place.
#[derive(Clone, Debug)]
pub struct WaitingMessage {
    /// Its place on the number line.
    pub position: Position,
    /// The event as clients see it: sender, type and content.
    pub json: String,
}

/// The messages for a device after `after` and up to `up_to`, oldest first, at most `limit`.
pub async fn list(
    conn: &mut Conn,
    user: UserNid,
    device_id: &DeviceId,
    after: Position,
    up_to: Position,
    limit: usize,
) -> Result<Vec<WaitingMessage>> {
    let rows = sqlx::query!(
        "select position, content as `content: Text` from to_device_messages
         where user_nid = ? and device_id = ? and position > ? and position <= ?
         order by position
         limit ?",
        user,
        device_id.as_str(),
        after,
        up_to,
        limit as u64
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| WaitingMessage { position: Position(row.position), json: row.content.0 }).collect())
}

/// The messages for devices of all users after `after` and up to `up_to`, oldest first. Reads the whole
/// table.
pub async fn list_all(
    conn: &mut Conn,
    after: Position,
    up_to: Position,
) -> Result<Vec<(UserNid, OwnedDeviceId, WaitingMessage)>> {
    let rows = sqlx::query!(
        "select user_nid, device_id as `device_id: DeviceIdColumn`, position, content as `content: Text`
         from to_device_messages
         where position > ? and position <= ?
         order by position",
        after,
        up_to
    )
    .fetch_all(conn)
    .await?;
    let message = |position, json| WaitingMessage { position: Position(position), json };
    Ok(rows
        .into_iter()
        .map(|row| (UserNid(row.user_nid), row.device_id.0, message(row.position, row.content.0)))
        .collect())
}

/// Deletes the messages for a device up to the position that it has acknowledged.
pub async fn delete_up_to(conn: &mut Conn, user: UserNid, device_id: &DeviceId, up_to: Position) -> Result<()> {
    sqlx::query!(
        "delete from to_device_messages where user_nid = ? and device_id = ? and position <= ?",
        user,
        device_id.as_str(),
        up_to
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// All devices of `users`.
pub async fn list_devices(conn: &mut Conn, users: &[UserNid]) -> Result<Vec<(UserNid, OwnedDeviceId)>> {
    let mut found = Vec::new();
    for list in bulk::lists(users) {
        let sql = format!("select user_nid, device_id from devices where user_nid in ({})", bulk::marks(list.len()));
        let mut query = sqlx::query_as::<_, (UserNid, DeviceIdColumn)>(AssertSqlSafe(sql));
        for user in list {
            query = query.bind(user);
        }
        let rows = query.fetch_all(&mut *conn).await?;
        found.extend(rows.into_iter().map(|(user, device_id)| (user, device_id.0)));
    }
    Ok(found)
}

/// Whether a device has made this request before.
pub async fn is_done(
    conn: &mut Conn,
    user: UserNid,
    device_id: &DeviceId,
    event_type: &str,
    txn_id: &str,
) -> Result<bool> {
    let found = sqlx::query_scalar!(
        "select created_at from to_device_transactions
         where user_nid = ? and device_id = ? and type = ? and txn_id = ?",
        user,
        device_id.as_str(),
        event_type,
        txn_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Forgets the requests that were made before `before_ms`.
pub async fn delete_transactions(conn: &mut Conn, before_ms: i64) -> Result<()> {
    sqlx::query!("delete from to_device_transactions where created_at < ?", before_ms).execute(conn).await?;
    Ok(())
}

/// The messages for devices of another server, oldest first, at most `limit`: contents of
/// `m.direct_to_device` EDUs.
pub async fn list_outgoing(conn: &mut Conn, destination: &ServerName, limit: u32) -> Result<Vec<WaitingMessage>> {
    let rows = sqlx::query!(
        "select position, content as `content: Text` from outgoing_to_device
         where destination = ?
         order by position
         limit ?",
        destination.as_str(),
        limit as u64
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| WaitingMessage { position: Position(row.position), json: row.content.0 }).collect())
}

/// Deletes the messages for another server up to the position that it has accepted.
pub async fn delete_outgoing(conn: &mut Conn, destination: &ServerName, up_to: Position) -> Result<()> {
    sqlx::query!("delete from outgoing_to_device where destination = ? and position <= ?", destination.as_str(), up_to)
        .execute(conn)
        .await?;
    Ok(())
}
