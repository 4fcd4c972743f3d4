//! Tokens, known by their keyed hashes.

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId};

use super::{
    Conn,
    account_marks::Pace,
    accounts::{AccountKind, AccountState},
    codec::{DeviceIdColumn, UserIdColumn},
    numbers::UserNid,
    personal_tokens::Scope,
    session_origins::SessionKind,
};
use crate::{Error, Result};

/// A token's keyed hash.
pub type TokenHash = [u8; 32];

/// The kinds of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Authenticates requests.
    Access = 0,
    /// Is exchanged for a new access token.
    Refresh = 1,
    /// Logs in once.
    Login = 2,
    /// Proves to third parties who somebody is.
    OpenId = 3,
}

/// A token to be stored.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `tokens`")]
pub struct NewToken<'a> {
    pub hash: &'a TokenHash,
    pub kind: TokenKind,
    pub user: UserNid,
    pub device_id: Option<&'a DeviceId>,
    pub replaces: Option<&'a TokenHash>,
    pub expires_at: Option<i64>,
}

/// An access token's session.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are columns of the tables that are joined")]
pub struct SessionRow {
    pub user: UserNid,
    pub user_id: OwnedUserId,
    pub device_id: Option<OwnedDeviceId>,
    pub replaces: Option<TokenHash>,
    pub expires_at: Option<i64>,
    pub kind: AccountKind,
    pub is_admin: bool,
    pub state: AccountState,
    pub is_shadow_banned: bool,
    pub pace: Option<Pace>,
    pub session_kind: SessionKind,
    /// Of a personal access token.
    pub scope: Scope,
}

/// A refresh token.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `tokens`")]
pub struct RefreshRow {
    pub user: UserNid,
    pub device_id: OwnedDeviceId,
    pub replaces: Option<TokenHash>,
    pub is_spent: bool,
    pub expires_at: Option<i64>,
}

/// Inserts a token.
pub async fn insert(conn: &mut Conn, token: NewToken<'_>, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert into tokens (token_hash, kind, user_nid, device_id, replaces, expires_at, created_at)
         values (?, ?, ?, ?, ?, ?, ?)",
        token.hash.as_slice(),
        token.kind as i8,
        token.user,
        token.device_id.map(DeviceId::as_str),
        token.replaces.map(TokenHash::as_slice),
        token.expires_at,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds the session of an access token, also an expired one.
pub async fn find_session(conn: &mut Conn, hash: &TokenHash) -> Result<Option<SessionRow>> {
    let row = sqlx::query!(
        "select tokens.user_nid, users.user_id as `user_id: UserIdColumn`,
                tokens.device_id as `device_id: DeviceIdColumn`, replaces, tokens.expires_at, accounts.kind,
                is_admin as `is_admin: bool`, is_locked as `is_locked: bool`, is_suspended as `is_suspended: bool`,
                is_deactivated as `is_deactivated: bool`, account_marks.is_shadow_banned as `is_shadow_banned?: bool`,
                account_marks.messages_per_second as `messages_per_second?`, account_marks.burst_count as `burst_count?`,
                session_origins.kind as `session_kind?`, personal_tokens.scope as `scope?`
         from tokens
         join users on users.user_nid = tokens.user_nid
         join accounts on accounts.user_nid = tokens.user_nid
         left join account_marks on account_marks.user_nid = tokens.user_nid
         left join session_origins on session_origins.user_nid = tokens.user_nid
                                      and session_origins.device_id = tokens.device_id
         left join personal_tokens on personal_tokens.user_nid = tokens.user_nid
                                      and personal_tokens.device_id = tokens.device_id
         where token_hash = ? and tokens.kind = 0",
        hash.as_slice()
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(SessionRow {
            user: UserNid(row.user_nid),
            user_id: row.user_id.0,
            device_id: row.device_id.map(|device| device.0),
            replaces: row.replaces.map(hash_column).transpose()?,
            expires_at: row.expires_at,
            kind: AccountKind::from_column(row.kind),
            is_admin: row.is_admin,
            state: AccountState::from_columns(row.is_locked, row.is_suspended, row.is_deactivated),
            is_shadow_banned: row.is_shadow_banned.unwrap_or(false),
            pace: Pace::from_columns(row.messages_per_second, row.burst_count),
            session_kind: SessionKind::from_column(row.session_kind),
            scope: row.scope.map_or(Scope::Full, Scope::from_column),
        })
    })
    .transpose()
}

/// Finds a refresh token, also a spent or expired one, and keeps others from using it until the end
/// of the transaction.
pub async fn lock_refresh(conn: &mut Conn, hash: &TokenHash) -> Result<Option<RefreshRow>> {
    let row = sqlx::query!(
        "select user_nid, device_id as `device_id: DeviceIdColumn`, replaces, is_spent as `is_spent: bool`, expires_at
         from tokens
         where token_hash = ? and kind = 1
         for update",
        hash.as_slice()
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let device_id = row.device_id.ok_or_else(|| Error::internal("a refresh token has no device"))?;
        Ok(RefreshRow {
            user: UserNid(row.user_nid),
            device_id: device_id.0,
            replaces: row.replaces.map(hash_column).transpose()?,
            is_spent: row.is_spent,
            expires_at: row.expires_at,
        })
    })
    .transpose()
}

/// Settles an exchange of tokens whose outcome was used for the first time: the exchanged refresh
/// token is spent, but remembered until `forget_at`, and the device's older access tokens are gone.
pub async fn settle(
    conn: &mut Conn,
    user: UserNid,
    device_id: &DeviceId,
    exchanged: &TokenHash,
    forget_at: i64,
) -> Result<()> {
    sqlx::query!(
        "delete from tokens where user_nid = ? and device_id = ? and kind = 0 and replaces is null",
        user,
        device_id.as_str()
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update tokens set is_spent = 1, expires_at = ? where token_hash = ? and kind = 1",
        forget_at,
        exchanged.as_slice()
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("update tokens set replaces = null where replaces = ?", exchanged.as_slice()).execute(conn).await?;
    Ok(())
}

/// Deletes the tokens that a refresh token was exchanged for and that nobody has used.
pub async fn delete_unused(conn: &mut Conn, exchanged: &TokenHash) -> Result<()> {
    sqlx::query!("delete from tokens where replaces = ?", exchanged.as_slice()).execute(conn).await?;
    Ok(())
}

/// Finds whose a single-use token is and deletes it; `None` if it is not there, or expired, or
/// somebody else was faster.
pub async fn take(conn: &mut Conn, hash: &TokenHash, kind: TokenKind, now_ms: i64) -> Result<Option<UserNid>> {
    let owner = find_owner(&mut *conn, hash, kind, now_ms).await?;
    let done = sqlx::query!("delete from tokens where token_hash = ? and kind = ?", hash.as_slice(), kind as i8)
        .execute(conn)
        .await?;
    Ok(owner.filter(|_| done.rows_affected() == 1))
}

/// Finds whose a token is, unless it has expired.
pub async fn find_owner(conn: &mut Conn, hash: &TokenHash, kind: TokenKind, now_ms: i64) -> Result<Option<UserNid>> {
    let found = sqlx::query_scalar!(
        "select user_nid from tokens where token_hash = ? and kind = ? and (expires_at is null or expires_at > ?)",
        hash.as_slice(),
        kind as i8,
        now_ms
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(UserNid))
}

/// Finds the device that an access or refresh token belongs to.
pub async fn find_device(conn: &mut Conn, hash: &TokenHash) -> Result<Option<(UserNid, OwnedDeviceId)>> {
    let row = sqlx::query!(
        "select user_nid, device_id as `device_id: DeviceIdColumn` from tokens where token_hash = ? and kind in (0, 1)",
        hash.as_slice()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.and_then(|row| Some((UserNid(row.user_nid), row.device_id?.0))))
}

/// Deletes the tokens of a device.
pub async fn delete_of_device(conn: &mut Conn, user: UserNid, device_id: &DeviceId) -> Result<()> {
    sqlx::query!("delete from tokens where user_nid = ? and device_id = ?", user, device_id.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes the tokens of a device but for spent ones, which are remembered.
pub async fn delete_unspent(conn: &mut Conn, user: UserNid, device_id: &DeviceId) -> Result<()> {
    sqlx::query!("delete from tokens where user_nid = ? and device_id = ? and is_spent = 0", user, device_id.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes the tokens of a user that belong to no device.
pub async fn delete_without_device(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query!("delete from tokens where user_nid = ? and device_id is null", user).execute(conn).await?;
    Ok(())
}

/// Deletes login tokens, OpenID tokens and spent refresh tokens whose time is over; returns how
/// many. Expired tokens of sessions stay, because their bearers are told to log in again with the
/// same device.
pub async fn delete_expired(conn: &mut Conn, now_ms: i64) -> Result<u64> {
    let mut deleted = 0;
    for (kind, is_spent) in [(TokenKind::Login, false), (TokenKind::OpenId, false), (TokenKind::Refresh, true)] {
        let done = sqlx::query!(
            "delete from tokens where kind = ? and is_spent = ? and expires_at < ? limit 1000",
            kind as i8,
            is_spent,
            now_ms
        )
        .execute(&mut *conn)
        .await?;
        deleted += done.rows_affected();
    }
    Ok(deleted)
}

fn hash_column(column: Vec<u8>) -> Result<TokenHash> {
    column.try_into().map_err(|_| Error::internal("a token's hash has the wrong length"))
}
