//! Codes that applications exchange for tokens.

use ruma::OwnedDeviceId;

use crate::{
    Error, Result,
    storage::{
        Conn,
        codec::{DeviceIdColumn, Text},
        numbers::UserNid,
        tokens::TokenHash,
    },
};

/// A code.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `oauth_codes`")]
pub struct CodeRow {
    pub client_id: String,
    pub user: UserNid,
    pub device_id: OwnedDeviceId,
    pub scope: String,
    pub redirect_uri: String,
    pub challenge: [u8; 32],
    pub spent_at: Option<i64>,
    pub expires_at: i64,
}

/// Inserts a code.
pub async fn insert(conn: &mut Conn, hash: &TokenHash, code: &CodeRow) -> Result<()> {
    sqlx::query!(
        "insert into oauth_codes (code_hash, client_id, user_nid, device_id, scope, redirect_uri, challenge, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?)",
        hash.as_slice(),
        code.client_id,
        code.user,
        code.device_id.as_str(),
        code.scope,
        code.redirect_uri,
        code.challenge.as_slice(),
        code.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds a code, also a spent or expired one, and keeps others from using it until the end of the
/// transaction.
pub async fn lock(conn: &mut Conn, hash: &TokenHash) -> Result<Option<CodeRow>> {
    let row = sqlx::query!(
        "select client_id as `client_id: Text`, user_nid, device_id as `device_id: DeviceIdColumn`,
                scope as `scope: Text`, redirect_uri as `redirect_uri: Text`, challenge, spent_at, expires_at
         from oauth_codes
         where code_hash = ?
         for update",
        hash.as_slice()
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(CodeRow {
            client_id: row.client_id.0,
            user: UserNid(row.user_nid),
            device_id: row.device_id.0,
            scope: row.scope.0,
            redirect_uri: row.redirect_uri.0,
            challenge: row.challenge.try_into().map_err(|_| Error::internal("a challenge has the wrong length"))?,
            spent_at: row.spent_at,
            expires_at: row.expires_at,
        })
    })
    .transpose()
}

/// Uses up a code, and remembers it until `forget_at`.
pub async fn spend(conn: &mut Conn, hash: &TokenHash, now_ms: i64, forget_at: i64) -> Result<()> {
    sqlx::query!(
        "update oauth_codes set spent_at = ?, expires_at = ? where code_hash = ?",
        now_ms,
        forget_at,
        hash.as_slice()
    )
    .execute(conn)
    .await?;
    Ok(())
}
