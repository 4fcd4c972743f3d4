//! Passwords for single programs, known by their keyed hashes.

use super::{Conn, codec::Text, numbers::UserNid};
use crate::Result;

/// An app password.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `app_passwords`")]
pub struct AppPasswordRow {
    pub id: String,
    pub label: String,
    pub last_used_at: Option<i64>,
    pub created_at: i64,
}

/// Inserts an app password.
pub async fn insert(conn: &mut Conn, user: UserNid, id: &str, hash: &[u8; 32], label: &str, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert into app_passwords (user_nid, app_password_id, password_hash, label, created_at)
         values (?, ?, ?, ?, ?)",
        user,
        id,
        hash.as_slice(),
        label,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds the ID of a user's app password.
pub async fn find_id(conn: &mut Conn, user: UserNid, hash: &[u8; 32]) -> Result<Option<String>> {
    let found = sqlx::query_scalar!(
        "select app_password_id as `app_password_id: Text`
         from app_passwords
         where password_hash = ? and user_nid = ?",
        hash.as_slice(),
        user
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(|id| id.0))
}

/// Notes a use; returns whether there is still such an app password, which stays until the end of the
/// transaction.
pub async fn update_used(conn: &mut Conn, user: UserNid, id: &str, now_ms: i64) -> Result<bool> {
    let done = sqlx::query!(
        "update app_passwords set last_used_at = ? where user_nid = ? and app_password_id = ?",
        now_ms,
        user,
        id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lists a user's app passwords, the oldest first.
pub async fn list(conn: &mut Conn, user: UserNid) -> Result<Vec<AppPasswordRow>> {
    let rows = sqlx::query!(
        "select app_password_id as `app_password_id: Text`, label as `label: Text`, last_used_at, created_at
         from app_passwords
         where user_nid = ?
         order by created_at, app_password_id",
        user
    )
    .fetch_all(conn)
    .await?;
    let app_password = rows.into_iter().map(|row| AppPasswordRow {
        id: row.app_password_id.0,
        label: row.label.0,
        last_used_at: row.last_used_at,
        created_at: row.created_at,
    });
    Ok(app_password.collect())
}

/// How many app passwords a user has.
pub async fn count(conn: &mut Conn, user: UserNid) -> Result<i64> {
    Ok(sqlx::query_scalar!("select count(*) from app_passwords where user_nid = ?", user).fetch_one(conn).await?)
}

/// Deletes an app password; returns whether it was there.
pub async fn delete(conn: &mut Conn, user: UserNid, id: &str) -> Result<bool> {
    let done = sqlx::query!("delete from app_passwords where user_nid = ? and app_password_id = ?", user, id)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes all app passwords of a user.
pub async fn delete_all(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query!("delete from app_passwords where user_nid = ?", user).execute(conn).await?;
    Ok(())
}
