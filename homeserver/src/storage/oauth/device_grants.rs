//! Devices without a browser that wait to be let in.

use ruma::OwnedDeviceId;

use crate::{
    Result,
    storage::{
        Conn,
        codec::{DeviceIdColumn, Text},
        numbers::UserNid,
        tokens::TokenHash,
    },
};

/// What has become of a device's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantState {
    /// Nothing yet.
    Waiting = 0,
    /// Its user let it in.
    Allowed = 1,
    /// Its user did not.
    Refused = 2,
}

/// A device's request.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `oauth_device_grants`")]
pub struct GrantRow {
    pub client_id: String,
    pub device_id: OwnedDeviceId,
    pub scope: String,
    pub state: GrantState,
    pub user: Option<UserNid>,
    pub polled_at: i64,
    pub interval_ms: i64,
    pub expires_at: i64,
}

/// Inserts a request; a duplicate of a user code is an error that [`crate::storage::fault::is_duplicate`]
/// recognises.
pub async fn insert(conn: &mut Conn, device_code: &TokenHash, user_code: &TokenHash, grant: &GrantRow) -> Result<()> {
    sqlx::query!(
        "insert into oauth_device_grants (device_code_hash, user_code_hash, client_id, device_id, scope, interval_ms,
                                          expires_at)
         values (?, ?, ?, ?, ?, ?, ?)",
        device_code.as_slice(),
        user_code.as_slice(),
        grant.client_id,
        grant.device_id.as_str(),
        grant.scope,
        grant.interval_ms,
        grant.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds a request that waits, by the code that its user types.
pub async fn find_waiting(
    conn: &mut Conn,
    user_code: &TokenHash,
    now_ms: i64,
) -> Result<Option<(String, OwnedDeviceId)>> {
    let row = sqlx::query!(
        "select client_id as `client_id: Text`, device_id as `device_id: DeviceIdColumn`
         from oauth_device_grants
         where user_code_hash = ? and state = 0 and expires_at > ?",
        user_code.as_slice(),
        now_ms
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.client_id.0, row.device_id.0)))
}

/// Finds a request by the code that the device polls with, and keeps others from using it until the
/// end of the transaction.
pub async fn lock(conn: &mut Conn, device_code: &TokenHash) -> Result<Option<GrantRow>> {
    let row = sqlx::query!(
        "select client_id as `client_id: Text`, device_id as `device_id: DeviceIdColumn`, scope as `scope: Text`,
                state, user_nid, polled_at, interval_ms, expires_at
         from oauth_device_grants
         where device_code_hash = ?
         for update",
        device_code.as_slice()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| GrantRow {
        client_id: row.client_id.0,
        device_id: row.device_id.0,
        scope: row.scope.0,
        state: match row.state {
            0 => GrantState::Waiting,
            1 => GrantState::Allowed,
            _ => GrantState::Refused,
        },
        user: row.user_nid.map(UserNid),
        polled_at: row.polled_at,
        interval_ms: row.interval_ms,
        expires_at: row.expires_at,
    }))
}

/// Decides on a request that waits; returns whether there was one.
pub async fn decide(
    conn: &mut Conn,
    user_code: &TokenHash,
    state: GrantState,
    user: UserNid,
    now_ms: i64,
) -> Result<bool> {
    let done = sqlx::query!(
        "update oauth_device_grants set state = ?, user_nid = ?
         where user_code_hash = ? and state = 0 and expires_at > ?",
        state as i8,
        user,
        user_code.as_slice(),
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that a device has polled, and how long it has to wait from now on.
pub async fn update_polled(conn: &mut Conn, device_code: &TokenHash, now_ms: i64, interval_ms: i64) -> Result<()> {
    sqlx::query!(
        "update oauth_device_grants set polled_at = ?, interval_ms = ? where device_code_hash = ?",
        now_ms,
        interval_ms,
        device_code.as_slice()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a request.
pub async fn delete(conn: &mut Conn, device_code: &TokenHash) -> Result<()> {
    sqlx::query!("delete from oauth_device_grants where device_code_hash = ?", device_code.as_slice())
        .execute(conn)
        .await?;
    Ok(())
}
