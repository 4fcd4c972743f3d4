//! Tokens by which programs act for people. Only their hashes are kept.

use ruma::{OwnedUserId, UserId};

use super::{
    Conn,
    codec::{Text, UserIdColumn},
};
use crate::Result;

/// A token.
#[derive(Clone, Debug)]
pub struct Token {
    /// What it is known by.
    pub token_id: String,
    /// For whom it acts.
    pub user_id: OwnedUserId,
    /// The role that it is limited to.
    pub role: String,
    /// What it is for.
    pub label: String,
    /// When it was made.
    pub created_at: i64,
    /// Until when it is good.
    pub expires_at: Option<i64>,
    /// When it was last used.
    pub last_used_at: Option<i64>,
}

struct Row {
    token_id: Text,
    user_id: UserIdColumn,
    role: Text,
    label: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl From<Row> for Token {
    fn from(row: Row) -> Self {
        Self {
            token_id: row.token_id.0,
            user_id: row.user_id.0,
            role: row.role.0,
            label: row.label,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        }
    }
}

/// Keeps a token by its hash.
pub async fn insert(conn: &mut Conn, token: &Token, hash: &[u8]) -> Result<()> {
    sqlx::query!(
        "insert into tokens (token_id, hash, user_id, role, label, created_at, expires_at)
         values (?, ?, ?, ?, ?, ?, ?)",
        token.token_id,
        hash,
        token.user_id.as_str(),
        token.role,
        token.label,
        token.created_at,
        token.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The token with a hash, if it is good.
pub async fn find(conn: &mut Conn, hash: &[u8], now_ms: i64) -> Result<Option<Token>> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select
            token_id as "token_id: Text", user_id as "user_id: UserIdColumn", role as "role: Text",
            label, created_at, expires_at, last_used_at
        from tokens
        where hash = ? and revoked_at is null and (expires_at is null or expires_at > ?)
        "#,
        hash,
        now_ms
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Token::from))
}

/// Somebody's tokens that are good, the newest first.
pub async fn list(conn: &mut Conn, user_id: &UserId, now_ms: i64) -> Result<Vec<Token>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select
            token_id as "token_id: Text", user_id as "user_id: UserIdColumn", role as "role: Text",
            label, created_at, expires_at, last_used_at
        from tokens
        where user_id = ? and revoked_at is null and (expires_at is null or expires_at > ?)
        order by created_at desc
        "#,
        user_id.as_str(),
        now_ms
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Token::from).collect())
}

/// Notes that a token was used.
pub async fn touch(conn: &mut Conn, token_id: &str, now_ms: i64) -> Result<()> {
    sqlx::query!("update tokens set last_used_at = ? where token_id = ?", now_ms, token_id).execute(conn).await?;
    Ok(())
}

/// Ends one of somebody's tokens; says whether it was good.
pub async fn revoke(conn: &mut Conn, user_id: &UserId, token_id: &str, now_ms: i64) -> Result<bool> {
    let done = sqlx::query!(
        "update tokens set revoked_at = ? where token_id = ? and user_id = ? and revoked_at is null",
        now_ms,
        token_id,
        user_id.as_str()
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
