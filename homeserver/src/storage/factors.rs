//! Second factors of accounts: authenticator apps, and the codes that stand in for them.

use super::{Conn, numbers::UserNid};
use crate::Result;

/// An authenticator app in use.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `totp_factors`")]
pub struct FactorRow {
    /// Encrypted.
    pub secret: Vec<u8>,
    pub last_step: i64,
    pub failures: i32,
    pub locked_until: i64,
    pub created_at: i64,
}

/// An authenticator app that is not confirmed yet.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `totp_enrolments`")]
pub struct EnrolmentRow {
    /// Encrypted.
    pub secret: Vec<u8>,
    pub is_replacement: bool,
    pub expires_at: i64,
}

/// Whether an account has a second factor.
pub async fn exists(conn: &mut Conn, user: UserNid) -> Result<bool> {
    let found = sqlx::query_scalar!("select user_nid from totp_factors where user_nid = ?", user);
    Ok(found.fetch_optional(conn).await?.is_some())
}

/// Finds an account's second factor.
pub async fn find(conn: &mut Conn, user: UserNid) -> Result<Option<FactorRow>> {
    Ok(sqlx::query_as!(
        FactorRow,
        "select secret, last_step, failures, locked_until, created_at from totp_factors where user_nid = ?",
        user
    )
    .fetch_optional(conn)
    .await?)
}

/// The same, and keeps others from trying codes until the end of the transaction.
pub async fn lock(conn: &mut Conn, user: UserNid) -> Result<Option<FactorRow>> {
    Ok(sqlx::query_as!(
        FactorRow,
        "select secret, last_step, failures, locked_until, created_at
         from totp_factors
         where user_nid = ?
         for update",
        user
    )
    .fetch_optional(conn)
    .await?)
}

/// Makes an app the account's second factor, in place of another if there is one. The time step that
/// confirmed it is used up.
pub async fn upsert(conn: &mut Conn, user: UserNid, secret: &[u8], step: i64, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert into totp_factors (user_nid, secret, last_step, created_at) values (?, ?, ?, ?)
         on duplicate key update secret = values(secret), last_step = values(last_step), failures = 0,
                                 locked_until = 0, created_at = values(created_at)",
        user,
        secret,
        step,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Uses up a time step; returns whether it was still good. The wrong codes before it are forgiven.
pub async fn spend_step(conn: &mut Conn, user: UserNid, step: i64) -> Result<bool> {
    let done = sqlx::query!(
        "update totp_factors set last_step = ?, failures = 0, locked_until = 0 where user_nid = ? and last_step < ?",
        step,
        user,
        step
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Uses up a recovery code; returns whether it was still good. The wrong codes before it are forgiven.
pub async fn spend_recovery_code(conn: &mut Conn, user: UserNid, hash: &[u8; 32]) -> Result<bool> {
    let done = sqlx::query!("delete from recovery_codes where user_nid = ? and code_hash = ?", user, hash.as_slice())
        .execute(&mut *conn)
        .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!("update totp_factors set failures = 0, locked_until = 0 where user_nid = ?", user)
        .execute(conn)
        .await?;
    Ok(true)
}

/// Notes how many wrong codes there were, and until when no other is looked at.
pub async fn update_failures(conn: &mut Conn, user: UserNid, failures: i32, locked_until: i64) -> Result<()> {
    sqlx::query!(
        "update totp_factors set failures = ?, locked_until = ? where user_nid = ?",
        failures,
        locked_until,
        user
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Replaces all recovery codes of an account.
pub async fn replace_recovery_codes(conn: &mut Conn, user: UserNid, hashes: &[[u8; 32]]) -> Result<()> {
    sqlx::query!("delete from recovery_codes where user_nid = ?", user).execute(&mut *conn).await?;
    for hash in hashes {
        sqlx::query!("insert into recovery_codes (user_nid, code_hash) values (?, ?)", user, hash.as_slice())
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// How many recovery codes an account has left.
pub async fn count_recovery_codes(conn: &mut Conn, user: UserNid) -> Result<i64> {
    Ok(sqlx::query_scalar!("select count(*) from recovery_codes where user_nid = ?", user).fetch_one(conn).await?)
}

/// Deletes an account's second factor, with its recovery codes and what was to be confirmed.
pub async fn delete(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query!("delete from totp_factors where user_nid = ?", user).execute(&mut *conn).await?;
    sqlx::query!("delete from recovery_codes where user_nid = ?", user).execute(&mut *conn).await?;
    delete_enrolment(conn, user).await
}

/// Keeps an app that is to be confirmed, in place of an earlier one.
pub async fn upsert_enrolment(conn: &mut Conn, user: UserNid, enrolment: &EnrolmentRow) -> Result<()> {
    sqlx::query!(
        "insert into totp_enrolments (user_nid, secret, is_replacement, expires_at) values (?, ?, ?, ?)
         on duplicate key update secret = values(secret), is_replacement = values(is_replacement),
                                 expires_at = values(expires_at)",
        user,
        enrolment.secret,
        enrolment.is_replacement,
        enrolment.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds the app that is to be confirmed, also an expired one, and keeps others from confirming it
/// until the end of the transaction.
pub async fn lock_enrolment(conn: &mut Conn, user: UserNid) -> Result<Option<EnrolmentRow>> {
    Ok(sqlx::query_as!(
        EnrolmentRow,
        "select secret, is_replacement as `is_replacement: bool`, expires_at
         from totp_enrolments
         where user_nid = ?
         for update",
        user
    )
    .fetch_optional(conn)
    .await?)
}

/// Forgets the app that was to be confirmed.
pub async fn delete_enrolment(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query!("delete from totp_enrolments where user_nid = ?", user).execute(conn).await?;
    Ok(())
}

/// Deletes apps that were not confirmed in time; returns how many.
pub async fn delete_expired_enrolments(conn: &mut Conn, now_ms: i64) -> Result<u64> {
    let done =
        sqlx::query!("delete from totp_enrolments where expires_at < ? limit 1000", now_ms).execute(conn).await?;
    Ok(done.rows_affected())
}
