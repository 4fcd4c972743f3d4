//! Applications that their users let in by OAuth.

pub mod clients;
pub mod codes;
pub mod device_grants;
pub mod sessions;

use super::{Conn, numbers::UserNid};
use crate::Result;

/// Deletes codes, device grants and permissions whose time is over; returns how many.
pub async fn delete_expired(conn: &mut Conn, now_ms: i64) -> Result<u64> {
    let codes = sqlx::query!("delete from oauth_codes where expires_at < ? limit 1000", now_ms);
    let mut deleted = codes.execute(&mut *conn).await?.rows_affected();
    let grants = sqlx::query!("delete from oauth_device_grants where expires_at < ? limit 1000", now_ms);
    deleted += grants.execute(&mut *conn).await?.rows_affected();
    let resets = sqlx::query!("delete from cross_signing_resets where expires_at < ? limit 1000", now_ms);
    deleted += resets.execute(conn).await?.rows_affected();
    Ok(deleted)
}

/// Allows that a user's cross-signing keys are replaced until `expires_at`.
pub async fn upsert_reset(conn: &mut Conn, user: UserNid, expires_at: i64) -> Result<()> {
    sqlx::query!(
        "insert into cross_signing_resets (user_nid, expires_at) values (?, ?)
         on duplicate key update expires_at = values(expires_at)",
        user,
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Uses up the permission to replace a user's cross-signing keys; returns whether there was one.
pub async fn take_reset(conn: &mut Conn, user: UserNid, now_ms: i64) -> Result<bool> {
    let done = sqlx::query!("delete from cross_signing_resets where user_nid = ? and expires_at > ?", user, now_ms)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}
