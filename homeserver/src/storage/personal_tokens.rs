//! Personal access tokens. What authenticates requests stands in `tokens`; here is what their owners
//! know them by.

use ruma::{DeviceId, OwnedDeviceId};

use super::{
    Conn,
    codec::{DeviceIdColumn, Text},
    numbers::UserNid,
};
use crate::Result;

/// What a personal access token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything that its user may do.
    Full = 0,
    /// Reading only.
    ReadOnly = 1,
}

impl Scope {
    pub(super) fn from_column(column: i8) -> Self {
        if column == 0 { Self::Full } else { Self::ReadOnly }
    }
}

/// A personal access token.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are columns of `personal_tokens` and `devices`")]
pub struct PersonalTokenRow {
    pub device_id: OwnedDeviceId,
    pub label: String,
    pub scope: Scope,
    pub expires_at: Option<i64>,
    pub last_seen_at: Option<i64>,
    pub created_at: i64,
}

/// Inserts what is to be known of a token.
pub async fn insert(conn: &mut Conn, user: UserNid, token: &PersonalTokenRow) -> Result<()> {
    sqlx::query!(
        "insert into personal_tokens (user_nid, device_id, label, scope, expires_at, created_at)
         values (?, ?, ?, ?, ?, ?)",
        user,
        token.device_id.as_str(),
        token.label,
        token.scope as i8,
        token.expires_at,
        token.created_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists a user's tokens, the oldest first.
pub async fn list(conn: &mut Conn, user: UserNid) -> Result<Vec<PersonalTokenRow>> {
    let rows = sqlx::query!(
        "select personal_tokens.device_id as `device_id: DeviceIdColumn`, label as `label: Text`, scope, expires_at,
                devices.last_seen_at as `last_seen_at?`, personal_tokens.created_at
         from personal_tokens
         left join devices on devices.user_nid = personal_tokens.user_nid
                              and devices.device_id = personal_tokens.device_id
         where personal_tokens.user_nid = ?
         order by personal_tokens.created_at, personal_tokens.device_id",
        user
    )
    .fetch_all(conn)
    .await?;
    let token = rows.into_iter().map(|row| PersonalTokenRow {
        device_id: row.device_id.0,
        label: row.label.0,
        scope: Scope::from_column(row.scope),
        expires_at: row.expires_at,
        last_seen_at: row.last_seen_at,
        created_at: row.created_at,
    });
    Ok(token.collect())
}

/// How many tokens a user has.
pub async fn count(conn: &mut Conn, user: UserNid) -> Result<i64> {
    Ok(sqlx::query_scalar!("select count(*) from personal_tokens where user_nid = ?", user).fetch_one(conn).await?)
}

/// Whether a device is that of a token.
pub async fn exists(conn: &mut Conn, user: UserNid, device_id: &DeviceId) -> Result<bool> {
    let found = sqlx::query_scalar!(
        "select created_at from personal_tokens where user_nid = ? and device_id = ?",
        user,
        device_id.as_str()
    );
    Ok(found.fetch_optional(conn).await?.is_some())
}

/// Deletes what is known of a device's token.
pub async fn delete(conn: &mut Conn, user: UserNid, device_id: &DeviceId) -> Result<()> {
    sqlx::query!("delete from personal_tokens where user_nid = ? and device_id = ?", user, device_id.as_str())
        .execute(conn)
        .await?;
    Ok(())
}
