//! Pushers: the applications that are told of their users' notifications.

use ruma::{DeviceId, OwnedDeviceId};

use super::{
    Conn,
    codec::{DeviceIdColumn, Text},
    numbers::{Position, UserNid},
};
use crate::Result;

/// What a pusher is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the fields are the columns of `pushers`")]
pub struct PusherKey {
    pub user: UserNid,
    pub app_id: String,
    pub pushkey_hash: [u8; 32],
}

/// A pusher.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `pushers`")]
pub struct PusherRow {
    pub key: PusherKey,
    pub pushkey: Vec<u8>,
    pub device_id: Option<OwnedDeviceId>,
    pub kind: String,
    pub app_display_name: String,
    pub device_display_name: String,
    pub profile_tag: Option<String>,
    pub lang: String,
    pub data: Vec<u8>,
    pub updated_at: i64,
    pub failing_since: Option<i64>,
}

/// Lists the pushers of a user.
pub async fn list(conn: &mut Conn, user: UserNid) -> Result<Vec<PusherRow>> {
    let rows = sqlx::query!(
        "select app_id as `app_id: Text`, pushkey_hash, pushkey, device_id as `device_id: DeviceIdColumn`,
                kind as `kind: Text`, app_display_name as `app_display_name: Text`,
                device_display_name as `device_display_name: Text`, profile_tag as `profile_tag: Text`,
                lang as `lang: Text`, data, updated_at, failing_since
         from pushers
         where user_nid = ?
         order by updated_at, app_id, pushkey_hash",
        user
    )
    .fetch_all(conn)
    .await?;
    let rows = rows.into_iter().map(|row| {
        let pushkey_hash = hash(&row.pushkey_hash)?;
        Ok(PusherRow {
            key: PusherKey { user, app_id: row.app_id.0, pushkey_hash },
            pushkey: row.pushkey,
            device_id: row.device_id.map(|device_id| device_id.0),
            kind: row.kind.0,
            app_display_name: row.app_display_name.0,
            device_display_name: row.device_display_name.0,
            profile_tag: row.profile_tag.map(|tag| tag.0),
            lang: row.lang.0,
            data: row.data,
            updated_at: row.updated_at,
            failing_since: row.failing_since,
        })
    });
    rows.collect()
}

/// Lists the users who have pushers.
pub async fn users(conn: &mut Conn) -> Result<Vec<UserNid>> {
    let users = sqlx::query_scalar!("select distinct user_nid from pushers").fetch_all(conn).await?;
    Ok(users.into_iter().map(UserNid).collect())
}

/// Lists the pushers for which something waits, each with the position after which it comes.
pub async fn waiting(conn: &mut Conn) -> Result<Vec<(PusherKey, Position)>> {
    let rows = sqlx::query!(
        "select user_nid, app_id as `app_id: Text`, pushkey_hash, position as `position!`
         from pushers
         where position is not null"
    )
    .fetch_all(conn)
    .await?;
    let keys = rows.into_iter().map(|row| {
        let pushkey_hash = hash(&row.pushkey_hash)?;
        Ok((PusherKey { user: UserNid(row.user_nid), app_id: row.app_id.0, pushkey_hash }, Position(row.position)))
    });
    keys.collect()
}

/// Stores a pusher, in the place of an older one with the same key.
pub async fn save(conn: &mut Conn, row: &PusherRow) -> Result<()> {
    sqlx::query!(
        "insert into pushers (user_nid, app_id, pushkey_hash, pushkey, device_id, kind, app_display_name,
                              device_display_name, profile_tag, lang, data, updated_at, failing_since, position)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, null, null)
         on duplicate key update pushkey = values(pushkey), device_id = values(device_id), kind = values(kind),
             app_display_name = values(app_display_name), device_display_name = values(device_display_name),
             profile_tag = values(profile_tag), lang = values(lang), data = values(data),
             updated_at = values(updated_at), failing_since = null, position = null",
        row.key.user,
        row.key.app_id,
        row.key.pushkey_hash.as_slice(),
        row.pushkey,
        row.device_id.as_deref().map(DeviceId::as_str),
        row.kind,
        row.app_display_name,
        row.device_display_name,
        row.profile_tag,
        row.lang,
        row.data,
        row.updated_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that something waits for the pushers of `user` that comes after `position`.
pub async fn note_waiting(conn: &mut Conn, user: UserNid, position: Position) -> Result<()> {
    sqlx::query!(
        "update pushers set position = least(coalesce(position, ?), ?) where user_nid = ?",
        position,
        position,
        user
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes since when deliveries to a pusher fail.
pub async fn note_failing(conn: &mut Conn, key: &PusherKey, since_ms: Option<i64>) -> Result<()> {
    sqlx::query!(
        "update pushers set failing_since = ? where user_nid = ? and app_id = ? and pushkey_hash = ?",
        since_ms,
        key.user,
        key.app_id,
        key.pushkey_hash.as_slice()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that nothing waits for a pusher any more.
pub async fn note_done(conn: &mut Conn, key: &PusherKey) -> Result<()> {
    sqlx::query!(
        "update pushers set position = null, failing_since = null
         where user_nid = ? and app_id = ? and pushkey_hash = ?",
        key.user,
        key.app_id,
        key.pushkey_hash.as_slice()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a pusher.
pub async fn delete(conn: &mut Conn, key: &PusherKey) -> Result<()> {
    sqlx::query!(
        "delete from pushers where user_nid = ? and app_id = ? and pushkey_hash = ?",
        key.user,
        key.app_id,
        key.pushkey_hash.as_slice()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the pushers of other users for the same application and push key.
pub async fn delete_of_others(conn: &mut Conn, key: &PusherKey) -> Result<()> {
    sqlx::query!(
        "delete from pushers where app_id = ? and pushkey_hash = ? and user_nid <> ?",
        key.app_id,
        key.pushkey_hash.as_slice(),
        key.user
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the pushers of a device.
pub async fn delete_of_device(conn: &mut Conn, user: UserNid, device_id: &DeviceId) -> Result<()> {
    sqlx::query!("delete from pushers where user_nid = ? and device_id = ?", user, device_id.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

fn hash(column: &[u8]) -> Result<[u8; 32]> {
    column.try_into().map_err(|_| crate::Error::internal("pushers.pushkey_hash is corrupt"))
}
