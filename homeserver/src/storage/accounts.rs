//! Local accounts.

use ruma::{OwnedUserId, UserId};

use super::{
    Conn,
    codec::{Text, UserIdColumn},
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

impl AccountKind {
    pub(super) fn from_column(column: i8) -> Self {
        match column {
            0 => Self::User,
            1 => Self::Guest,
            _ => Self::AppService,
        }
    }
}

/// Whether an account may be used. Where several hold, the last of them does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccountState {
    /// It may.
    Active,
    /// It may read, but not act.
    Suspended,
    /// Its sessions are kept but refused.
    Locked,
    /// It is gone for good.
    Deactivated,
}

impl AccountState {
    pub(super) fn from_columns(is_locked: bool, is_suspended: bool, is_deactivated: bool) -> Self {
        match (is_deactivated, is_locked, is_suspended) {
            (true, ..) => Self::Deactivated,
            (_, true, _) => Self::Locked,
            (.., true) => Self::Suspended,
            _ => Self::Active,
        }
    }
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
    pub is_locked: bool,
    pub is_suspended: bool,
    pub is_deactivated: bool,
    pub created_at: i64,
}

impl Account {
    /// Whether the account may be used.
    pub fn state(&self) -> AccountState {
        AccountState::from_columns(self.is_locked, self.is_suspended, self.is_deactivated)
    }
}

struct AccountRow {
    user_nid: i64,
    user_id: UserIdColumn,
    password_hash: Option<Text>,
    kind: i8,
    is_admin: bool,
    is_locked: bool,
    is_suspended: bool,
    is_deactivated: bool,
    created_at: i64,
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        Self {
            user: UserNid(row.user_nid),
            user_id: row.user_id.0,
            password_hash: row.password_hash.map(|hash| hash.0),
            kind: AccountKind::from_column(row.kind),
            is_admin: row.is_admin,
            is_locked: row.is_locked,
            is_suspended: row.is_suspended,
            is_deactivated: row.is_deactivated,
            created_at: row.created_at,
        }
    }
}

/// Finds an account by its user ID.
pub async fn find(conn: &mut Conn, user_id: &UserId) -> Result<Option<Account>> {
    let row = sqlx::query_as!(
        AccountRow,
        "select accounts.user_nid, users.user_id as `user_id: UserIdColumn`, password_hash as `password_hash: Text`,
                kind, is_admin as `is_admin: bool`, is_locked as `is_locked: bool`,
                is_suspended as `is_suspended: bool`, is_deactivated as `is_deactivated: bool`, created_at
         from accounts
         join users on users.user_nid = accounts.user_nid
         where users.user_id = ?",
        user_id.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Account::from))
}

/// Lists at most `limit` accounts whose localparts come after `after`, in their order.
pub async fn list(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<Account>> {
    let rows = sqlx::query_as!(
        AccountRow,
        "select accounts.user_nid, users.user_id as `user_id: UserIdColumn`, password_hash as `password_hash: Text`,
                kind, is_admin as `is_admin: bool`, is_locked as `is_locked: bool`,
                is_suspended as `is_suspended: bool`, is_deactivated as `is_deactivated: bool`, created_at
         from accounts
         join users on users.user_nid = accounts.user_nid
         where localpart > ?
         order by localpart
         limit ?",
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Account::from).collect())
}

/// Lists the numbers and IDs of at most `limit` accounts that are not deactivated and whose localparts
/// come after `after`, in their order.
pub async fn list_ids(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<(UserNid, OwnedUserId)>> {
    let rows = sqlx::query!(
        "select accounts.user_nid, users.user_id as `user_id: UserIdColumn`
         from accounts
         join users on users.user_nid = accounts.user_nid
         where localpart > ? and is_deactivated = 0
         order by localpart
         limit ?",
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (UserNid(row.user_nid), row.user_id.0)).collect())
}

/// Lists the server administrators.
pub async fn list_administrators(conn: &mut Conn) -> Result<Vec<Account>> {
    let rows = sqlx::query_as!(
        AccountRow,
        "select accounts.user_nid, users.user_id as `user_id: UserIdColumn`, password_hash as `password_hash: Text`,
                kind, is_admin as `is_admin: bool`, is_locked as `is_locked: bool`,
                is_suspended as `is_suspended: bool`, is_deactivated as `is_deactivated: bool`, created_at
         from accounts
         join users on users.user_nid = accounts.user_nid
         where is_admin = 1"
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Account::from).collect())
}

/// Whether there is an account with this localpart, deactivated ones included.
pub async fn exists(conn: &mut Conn, localpart: &str) -> Result<bool> {
    let found = sqlx::query_scalar!("select user_nid from accounts where localpart = ?", localpart);
    Ok(found.fetch_optional(conn).await?.is_some())
}

/// Whether an account is an administrator's.
pub async fn is_admin(conn: &mut Conn, user: UserNid) -> Result<bool> {
    let found = sqlx::query_scalar!("select is_admin as `is_admin: bool` from accounts where user_nid = ?", user);
    Ok(found.fetch_optional(conn).await?.unwrap_or(false))
}

/// Whether an account has a password.
pub async fn has_password(conn: &mut Conn, user: UserNid) -> Result<bool> {
    let found =
        sqlx::query_scalar!("select user_nid from accounts where user_nid = ? and password_hash is not null", user);
    Ok(found.fetch_optional(conn).await?.is_some())
}

/// Whether a user's account was closed with the wish that what they said be erased.
pub async fn is_erased(conn: &mut Conn, user: UserNid) -> Result<bool> {
    let found = sqlx::query_scalar!("select user_nid from accounts where user_nid = ? and is_erased = 1", user);
    Ok(found.fetch_optional(conn).await?.is_some())
}

/// Inserts an account; a duplicate is an error that [`super::fault::is_duplicate`] recognises.
pub async fn insert(conn: &mut Conn, account: &Account) -> Result<()> {
    sqlx::query!(
        "insert into accounts (user_nid, localpart, password_hash, kind, is_admin, created_at)
         values (?, ?, ?, ?, ?, ?)",
        account.user,
        account.user_id.localpart(),
        account.password_hash,
        account.kind as i8,
        account.is_admin,
        account.created_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Reads an account's password hash and state, and keeps both from changing until the end of the
/// transaction.
pub async fn lock_shared(conn: &mut Conn, user: UserNid) -> Result<Option<(Option<String>, AccountState)>> {
    let row = sqlx::query!(
        "select password_hash as `password_hash: Text`, is_locked as `is_locked: bool`,
                is_suspended as `is_suspended: bool`, is_deactivated as `is_deactivated: bool`
         from accounts
         where user_nid = ?
         lock in share mode",
        user
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let state = AccountState::from_columns(row.is_locked, row.is_suspended, row.is_deactivated);
        (row.password_hash.map(|hash| hash.0), state)
    }))
}

/// Keeps others from changing what belongs to an account until the end of the transaction.
pub async fn lock_for_update(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query_scalar!("select user_nid from accounts where user_nid = ? for update", user)
        .fetch_optional(conn)
        .await?;
    Ok(())
}

/// Replaces the password of an account that is not deactivated.
pub async fn update_password(conn: &mut Conn, user: UserNid, hash: &str) -> Result<()> {
    sqlx::query!("update accounts set password_hash = ? where user_nid = ? and is_deactivated = 0", hash, user)
        .execute(conn)
        .await?;
    Ok(())
}

/// Replaces one hash of a password by another of the same password, unless the password was changed
/// meanwhile.
pub async fn rehash_password(conn: &mut Conn, user: UserNid, old: &str, new: &str) -> Result<()> {
    sqlx::query!("update accounts set password_hash = ? where user_nid = ? and password_hash = ?", new, user, old)
        .execute(conn)
        .await?;
    Ok(())
}

/// Makes an account an administrator's or not.
pub async fn update_admin(conn: &mut Conn, user: UserNid, is_admin: bool) -> Result<()> {
    sqlx::query!("update accounts set is_admin = ? where user_nid = ?", is_admin, user).execute(conn).await?;
    Ok(())
}

/// Locks or unlocks an account.
pub async fn update_locked(conn: &mut Conn, user: UserNid, is_locked: bool) -> Result<()> {
    sqlx::query!("update accounts set is_locked = ? where user_nid = ?", is_locked, user).execute(conn).await?;
    Ok(())
}

/// Suspends an account or lifts the suspension.
pub async fn update_suspended(conn: &mut Conn, user: UserNid, is_suspended: bool) -> Result<()> {
    sqlx::query!("update accounts set is_suspended = ? where user_nid = ?", is_suspended, user).execute(conn).await?;
    Ok(())
}

/// Deactivates an account for good and forgets its password.
pub async fn deactivate(conn: &mut Conn, user: UserNid, is_erased: bool) -> Result<()> {
    sqlx::query!(
        "update accounts set is_deactivated = 1, is_erased = ?, is_admin = 0, password_hash = null where user_nid = ?",
        is_erased,
        user
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Opens a deactivated account again, with a password.
pub async fn reactivate(conn: &mut Conn, user: UserNid, hash: &str) -> Result<()> {
    sqlx::query!(
        "update accounts set is_deactivated = 0, is_erased = 0, password_hash = ? where user_nid = ?",
        hash,
        user
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that a deactivated user is to be taken out of all rooms.
pub async fn insert_departure(conn: &mut Conn, user: UserNid, now_ms: i64) -> Result<()> {
    sqlx::query!("insert ignore into departures (user_nid, created_at) values (?, ?)", user, now_ms)
        .execute(conn)
        .await?;
    Ok(())
}

/// Lists deactivated users who are still to be taken out of rooms, the oldest first.
pub async fn list_departures(conn: &mut Conn, limit: u32) -> Result<Vec<UserNid>> {
    let rows = sqlx::query_scalar!("select user_nid from departures order by created_at limit ?", limit);
    Ok(rows.fetch_all(conn).await?.into_iter().map(UserNid).collect())
}

/// Notes that a deactivated user has left all rooms.
pub async fn delete_departure(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query!("delete from departures where user_nid = ?", user).execute(conn).await?;
    Ok(())
}
