//! One-time keys and fallback keys.

use ruma::DeviceId;
use sqlx::{Arguments, AssertSqlSafe};

use crate::{
    Result,
    storage::{
        Conn,
        bulk::{self, Insert},
        codec::Text,
        numbers::UserNid,
    },
};

/// A key that is uploaded or was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of `one_time_keys` and `fallback_keys`")]
pub struct Key {
    pub algorithm: String,
    pub key_id: String,
    pub json: String,
}

/// A key that is stored under the ID of one that is uploaded.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `one_time_keys`")]
pub struct StoredKey {
    pub key_id: String,
    pub is_claimed: bool,
    pub json: String,
}

/// Locks a device until the transaction ends, so that uploads to it take turns. False if there is
/// no such device.
pub async fn lock_device(conn: &mut Conn, user: UserNid, device_id: &DeviceId) -> Result<bool> {
    let found = sqlx::query_scalar!(
        "select created_at from devices where user_nid = ? and device_id = ? for update",
        user,
        device_id.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// The one-time keys of `algorithm` that have one of `key_ids`, the claimed ones too.
pub async fn list(
    conn: &mut Conn,
    user: UserNid,
    device_id: &DeviceId,
    algorithm: &str,
    key_ids: &[&str],
) -> Result<Vec<StoredKey>> {
    let mut found = Vec::new();
    for list in bulk::lists(key_ids) {
        let sql = format!(
            "select key_id, claimed_at, json from one_time_keys
             where user_nid = ? and device_id = ? and algorithm = ? and key_id in ({})",
            bulk::marks(list.len())
        );
        let mut query = sqlx::query_as::<_, (Text, Option<i64>, Text)>(AssertSqlSafe(sql))
            .bind(user)
            .bind(device_id.as_str())
            .bind(algorithm);
        for key_id in list {
            query = query.bind(key_id);
        }
        let rows = query.fetch_all(&mut *conn).await?;
        found.extend(rows.into_iter().map(|(key_id, claimed_at, json)| StoredKey {
            key_id: key_id.0,
            is_claimed: claimed_at.is_some(),
            json: json.0,
        }));
    }
    Ok(found)
}

/// Inserts one-time keys. A claimed key of the same ID is replaced.
pub async fn insert(conn: &mut Conn, user: UserNid, device_id: &DeviceId, keys: &[&Key], now_ms: i64) -> Result<()> {
    INSERT
        .run(conn, keys, |key, to| {
            to.add(user)?;
            to.add(device_id.as_bytes())?;
            to.add(key.algorithm.as_bytes())?;
            to.add(key.key_id.as_bytes())?;
            to.add(now_ms)?;
            to.add(key.json.as_bytes())
        })
        .await?;
    Ok(())
}

const INSERT: Insert = Insert {
    head: "insert into one_time_keys (user_nid, device_id, algorithm, key_id, uploaded_at, json) values",
    columns: 6,
    tail: "on duplicate key update uploaded_at = values(uploaded_at), claimed_at = null, json = values(json)",
};

/// Deletes the keys of a device that were claimed before `before_ms`.
pub async fn delete_claimed(conn: &mut Conn, user: UserNid, device_id: &DeviceId, before_ms: i64) -> Result<()> {
    sqlx::query!(
        "delete from one_time_keys where user_nid = ? and device_id = ? and claimed_at < ?",
        user,
        device_id.as_str(),
        before_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How many unclaimed keys of each algorithm a device has.
pub async fn count(conn: &mut Conn, user: UserNid, device_id: &DeviceId) -> Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        "select algorithm as `algorithm: Text`, count(*) as `count: i64` from one_time_keys
         where user_nid = ? and device_id = ? and claimed_at is null
         group by algorithm",
        user,
        device_id.as_str()
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.algorithm.0, row.count)).collect())
}

/// Takes the oldest one-time key of `algorithm`, if any is left. Nobody else ever gets it.
///
/// Two who choose the same key meet at its row: the second finds it taken and chooses again.
pub async fn claim(
    conn: &mut Conn,
    user: UserNid,
    device_id: &DeviceId,
    algorithm: &str,
    now_ms: i64,
) -> Result<Option<Key>> {
    loop {
        let oldest = sqlx::query!(
            "select key_id as `key_id: Text`, json as `json: Text` from one_time_keys
             where user_nid = ? and device_id = ? and claimed_at is null and algorithm = ?
             order by uploaded_at, key_id
             limit 1",
            user,
            device_id.as_str(),
            algorithm
        )
        .fetch_optional(&mut *conn)
        .await?;
        let Some(oldest) = oldest else { return Ok(None) };
        let taken = sqlx::query!(
            "update one_time_keys set claimed_at = ?
             where user_nid = ? and device_id = ? and algorithm = ? and key_id = ? and claimed_at is null",
            now_ms,
            user,
            device_id.as_str(),
            algorithm,
            oldest.key_id.0
        )
        .execute(&mut *conn)
        .await?;
        if taken.rows_affected() == 1 {
            return Ok(Some(Key { algorithm: algorithm.to_owned(), key_id: oldest.key_id.0, json: oldest.json.0 }));
        }
    }
}

/// Stores a device's fallback key for the key's algorithm. One that is stored already stays as used
/// as it is.
pub async fn set_fallback(conn: &mut Conn, user: UserNid, device_id: &DeviceId, key: &Key) -> Result<()> {
    // The first assignment sees the old row, the others in their turn do not need it.
    sqlx::query!(
        "insert into fallback_keys (user_nid, device_id, algorithm, key_id, is_used, json) values (?, ?, ?, ?, 0, ?)
         on duplicate key update
             is_used = if(key_id = values(key_id) and json = values(json), is_used, 0),
             key_id = values(key_id),
             json = values(json)",
        user,
        device_id.as_str(),
        key.algorithm,
        key.key_id,
        key.json.as_bytes()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds a device's fallback key and marks it as used.
pub async fn use_fallback(
    conn: &mut Conn,
    user: UserNid,
    device_id: &DeviceId,
    algorithm: &str,
) -> Result<Option<Key>> {
    let found = sqlx::query!(
        "select key_id as `key_id: Text`, json as `json: Text` from fallback_keys
         where user_nid = ? and device_id = ? and algorithm = ?",
        user,
        device_id.as_str(),
        algorithm
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(found) = found else { return Ok(None) };
    sqlx::query!(
        "update fallback_keys set is_used = 1
         where user_nid = ? and device_id = ? and algorithm = ? and key_id = ? and is_used = 0",
        user,
        device_id.as_str(),
        algorithm,
        found.key_id.0
    )
    .execute(conn)
    .await?;
    Ok(Some(Key { algorithm: algorithm.to_owned(), key_id: found.key_id.0, json: found.json.0 }))
}

/// The algorithms for which a device has a fallback key that nobody was given yet.
pub async fn list_unused_fallback_algorithms(
    conn: &mut Conn,
    user: UserNid,
    device_id: &DeviceId,
) -> Result<Vec<String>> {
    let found = sqlx::query_scalar!(
        "select algorithm as `algorithm: Text` from fallback_keys
         where user_nid = ? and device_id = ? and is_used = 0
         order by algorithm",
        user,
        device_id.as_str()
    )
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|algorithm| algorithm.0).collect())
}
