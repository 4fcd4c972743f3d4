//! Accounts, devices and tokens.

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use super::{
    Conn,
    codec::{DeviceIdColumn, Text, UserIdColumn},
    numbers::UserNid,
};
use crate::Result;

/// What an account is used by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// A person or a bot.
    User = 0,
    /// A visitor without a password.
    Guest = 1,
    /// An application service.
    AppService = 2,
}

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// It may.
    Active = 0,
    /// Its sessions are kept but refused.
    Locked = 1,
    /// It may read, but not act.
    Suspended = 2,
    /// It is gone for good.
    Deactivated = 3,
}

/// A local account.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `accounts`")]
pub struct Account {
    pub user: UserNid,
    pub user_id: OwnedUserId,
    pub password_hash: Option<String>,
    pub kind: AccountKind,
    pub is_admin: bool,
    pub state: AccountState,
    pub created_at: i64,
}

/// A valid access token's session.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `tokens` and `accounts`")]
pub struct SessionRow {
    pub user: UserNid,
    pub user_id: OwnedUserId,
    pub device_id: Option<OwnedDeviceId>,
    pub expires_at: Option<i64>,
    pub kind: AccountKind,
    pub is_admin: bool,
    pub state: AccountState,
}

/// The kinds of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Authenticates requests.
    Access = 0,
    /// Is exchanged for a new access token.
    Refresh = 1,
    /// Logs in once.
    Login = 2,
}

fn account_kind(column: i8) -> AccountKind {
    match column {
        0 => AccountKind::User,
        1 => AccountKind::Guest,
        _ => AccountKind::AppService,
    }
}

fn account_state(column: i8) -> AccountState {
    match column {
        0 => AccountState::Active,
        1 => AccountState::Locked,
        2 => AccountState::Suspended,
        _ => AccountState::Deactivated,
    }
}

/// Finds an account by its user ID.
pub async fn find_account(conn: &mut Conn, user_id: &UserId) -> Result<Option<Account>> {
    let row = sqlx::query!(
        "select accounts.user_nid, users.user_id as `user_id: UserIdColumn`, password_hash as `password_hash: Text`,
                kind, is_admin as `is_admin: bool`, state, created_at
         from accounts
         join users on users.user_nid = accounts.user_nid
         where users.user_id = ?",
        user_id.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Account {
        user: UserNid(row.user_nid),
        user_id: row.user_id.0,
        password_hash: row.password_hash.map(|hash| hash.0),
        kind: account_kind(row.kind),
        is_admin: row.is_admin,
        state: account_state(row.state),
        created_at: row.created_at,
    }))
}

/// Inserts an account; a duplicate is an error that [`super::fault::is_duplicate`] recognises.
pub async fn insert_account(conn: &mut Conn, account: &Account) -> Result<()> {
    sqlx::query!(
        "insert into accounts (user_nid, localpart, password_hash, kind, is_admin, state, created_at)
         values (?, ?, ?, ?, ?, ?, ?)",
        account.user,
        account.user_id.localpart(),
        account.password_hash,
        account.kind as i8,
        account.is_admin,
        account.state as i8,
        account.created_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Inserts a device, or leaves it with its present name.
pub async fn insert_device(
    conn: &mut Conn,
    user: UserNid,
    device_id: &DeviceId,
    display_name: Option<&str>,
    now_ms: i64,
) -> Result<()> {
    sqlx::query!(
        "insert into devices (user_nid, device_id, display_name, created_at) values (?, ?, ?, ?)
         on duplicate key update created_at = created_at",
        user,
        device_id.as_str(),
        display_name,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Inserts a token.
pub async fn insert_token(
    conn: &mut Conn,
    hash: &[u8; 32],
    kind: TokenKind,
    user: UserNid,
    device_id: Option<&DeviceId>,
    expires_at: Option<i64>,
    now_ms: i64,
) -> Result<()> {
    sqlx::query!(
        "insert into tokens (token_hash, kind, user_nid, device_id, expires_at, created_at) values (?, ?, ?, ?, ?, ?)",
        hash.as_slice(),
        kind as i8,
        user,
        device_id.map(DeviceId::as_str),
        expires_at,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds the session of an access token.
pub async fn find_session(conn: &mut Conn, hash: &[u8; 32]) -> Result<Option<SessionRow>> {
    let row = sqlx::query!(
        "select tokens.user_nid, users.user_id as `user_id: UserIdColumn`, device_id as `device_id: DeviceIdColumn`,
                expires_at, accounts.kind, is_admin as `is_admin: bool`, state
         from tokens
         join users on users.user_nid = tokens.user_nid
         join accounts on accounts.user_nid = tokens.user_nid
         where token_hash = ? and tokens.kind = 0",
        hash.as_slice()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| SessionRow {
        user: UserNid(row.user_nid),
        user_id: row.user_id.0,
        device_id: row.device_id.map(|device| device.0),
        expires_at: row.expires_at,
        kind: account_kind(row.kind),
        is_admin: row.is_admin,
        state: account_state(row.state),
    }))
}

/// Deletes the tokens of a device.
pub async fn delete_device_tokens(conn: &mut Conn, user: UserNid, device_id: &DeviceId) -> Result<()> {
    sqlx::query!("delete from tokens where user_nid = ? and device_id = ?", user, device_id.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// The parts of a user's profile that stand in membership events.
pub async fn shown_profile(conn: &mut Conn, user: UserNid) -> Result<serde_json::Map<String, serde_json::Value>> {
    let rows = sqlx::query!(
        "select name as `name: Text`, value as `value: Text`
         from profile_fields
         where user_nid = ? and name in ('displayname', 'avatar_url')",
        user
    )
    .fetch_all(conn)
    .await?;
    let field = |name: String, value: &str| Some((name, serde_json::from_str(value).ok()?));
    Ok(rows.into_iter().filter_map(|row| field(row.name.0, &row.value.0)).collect())
}
