//! Tokens that let their bearers register.

use super::Conn;
use crate::{Error, Result};

/// A registration token.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `registration_tokens`")]
pub struct RegistrationTokenRow {
    pub token_hash: [u8; 32],
    /// Encrypted.
    pub token: Vec<u8>,
    pub uses_allowed: Option<i32>,
    pub uses: i32,
    pub expires_at: Option<i64>,
}

/// Inserts a token; a duplicate is an error that [`super::fault::is_duplicate`] recognises.
pub async fn insert(conn: &mut Conn, token: &RegistrationTokenRow, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert into registration_tokens (token_hash, token, uses_allowed, uses, expires_at, created_at)
         values (?, ?, ?, ?, ?, ?)",
        token.token_hash.as_slice(),
        token.token,
        token.uses_allowed,
        token.uses,
        token.expires_at,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists all tokens, the oldest first.
pub async fn list(conn: &mut Conn) -> Result<Vec<RegistrationTokenRow>> {
    let rows = sqlx::query!(
        "select token_hash, token, uses_allowed, uses, expires_at from registration_tokens order by created_at"
    );
    let rows = rows.fetch_all(conn).await?.into_iter().map(|row| {
        let token_hash = row.token_hash.try_into();
        Ok(RegistrationTokenRow {
            token_hash: token_hash.map_err(|_| Error::internal("a token's hash has the wrong length"))?,
            token: row.token,
            uses_allowed: row.uses_allowed,
            uses: row.uses,
            expires_at: row.expires_at,
        })
    });
    rows.collect()
}

/// Whether a token may be used now.
pub async fn is_valid(conn: &mut Conn, hash: &[u8; 32], now_ms: i64) -> Result<bool> {
    let found = sqlx::query_scalar!(
        "select uses
         from registration_tokens
         where token_hash = ? and (uses_allowed is null or uses < uses_allowed)
           and (expires_at is null or expires_at > ?)",
        hash.as_slice(),
        now_ms
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Counts a use; returns whether the token may be used now.
pub async fn spend(conn: &mut Conn, hash: &[u8; 32], now_ms: i64) -> Result<bool> {
    let done = sqlx::query!(
        "update registration_tokens
         set uses = uses + 1
         where token_hash = ? and (uses_allowed is null or uses < uses_allowed)
           and (expires_at is null or expires_at > ?)",
        hash.as_slice(),
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Changes how often and until when a token is good; returns whether it is there.
pub async fn update(
    conn: &mut Conn,
    hash: &[u8; 32],
    uses_allowed: Option<i32>,
    expires_at: Option<i64>,
) -> Result<()> {
    sqlx::query!(
        "update registration_tokens set uses_allowed = ?, expires_at = ? where token_hash = ?",
        uses_allowed,
        expires_at,
        hash.as_slice()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a token; returns whether it was there.
pub async fn delete(conn: &mut Conn, hash: &[u8; 32]) -> Result<bool> {
    let done =
        sqlx::query!("delete from registration_tokens where token_hash = ?", hash.as_slice()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}
