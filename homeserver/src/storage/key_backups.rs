//! Backups of room keys, encrypted by the clients.

use ruma::OwnedRoomId;
use sqlx::{Arguments, AssertSqlSafe};

use super::{
    Conn,
    bulk::{self, Insert},
    codec::{RoomIdColumn, Text},
    numbers::UserNid,
};
use crate::Result;

/// A version of a user's backup.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `key_backups`")]
pub struct BackupRow {
    pub version: i64,
    pub algorithm: String,
    pub auth_data: String,
    pub etag: i64,
    pub key_count: i64,
    pub is_deleted: bool,
}

/// The key of one session.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `key_backup_sessions`")]
pub struct SessionRow {
    pub room_id: OwnedRoomId,
    pub session_id: String,
    pub merit: Merit,
    pub session_data: String,
}

/// What decides between two keys of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are columns of `key_backup_sessions`")]
pub struct Merit {
    pub is_verified: bool,
    pub first_message_index: i64,
    pub forwarded_count: i64,
}

/// Which keys of a backup are meant.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// All.
    All,
    /// Those of a room.
    Room(&'a str),
    /// That of a session in a room.
    Session(&'a str, &'a str),
}

/// The number of the user's newest version, deleted or not.
pub async fn newest_version(conn: &mut Conn, user: UserNid) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!("select max(version) from key_backups where user_nid = ?", user).fetch_one(conn).await?)
}

/// Inserts a new version; a duplicate is an error that [`super::fault::is_duplicate`] recognises.
pub async fn insert(
    conn: &mut Conn,
    user: UserNid,
    version: i64,
    algorithm: &str,
    auth_data: &str,
    now_ms: i64,
) -> Result<()> {
    sqlx::query!(
        "insert into key_backups (user_nid, version, algorithm, auth_data, etag, key_count, created_at)
         values (?, ?, ?, ?, 0, 0, ?)",
        user,
        version,
        algorithm,
        auth_data.as_bytes(),
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds the version that is in use: the newest that is not deleted.
pub async fn find_current(conn: &mut Conn, user: UserNid) -> Result<Option<BackupRow>> {
    let row = sqlx::query_as!(
        Columns,
        "select version, algorithm as `algorithm: Text`, auth_data as `auth_data: Text`, etag, key_count,
                is_deleted as `is_deleted: bool`
         from key_backups
         where user_nid = ? and is_deleted = 0
         order by version desc
         limit 1",
        user
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(BackupRow::from))
}

/// Finds a version, deleted or not.
pub async fn find(conn: &mut Conn, user: UserNid, version: i64) -> Result<Option<BackupRow>> {
    let row = sqlx::query_as!(
        Columns,
        "select version, algorithm as `algorithm: Text`, auth_data as `auth_data: Text`, etag, key_count,
                is_deleted as `is_deleted: bool`
         from key_backups
         where user_nid = ? and version = ?",
        user,
        version
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(BackupRow::from))
}

/// Locks a user's versions until the transaction ends, so that writers of its keys take turns.
pub async fn lock(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query_scalar!("select version from key_backups where user_nid = ? for update", user).fetch_all(conn).await?;
    Ok(())
}

struct Columns {
    version: i64,
    algorithm: Text,
    auth_data: Text,
    etag: i64,
    key_count: i64,
    is_deleted: bool,
}

impl From<Columns> for BackupRow {
    fn from(row: Columns) -> Self {
        Self {
            version: row.version,
            algorithm: row.algorithm.0,
            auth_data: row.auth_data.0,
            etag: row.etag,
            key_count: row.key_count,
            is_deleted: row.is_deleted,
        }
    }
}

/// Changes what clients need to know for using a version.
pub async fn update_auth_data(conn: &mut Conn, user: UserNid, version: i64, auth_data: &str) -> Result<()> {
    sqlx::query!(
        "update key_backups set auth_data = ? where user_nid = ? and version = ?",
        auth_data.as_bytes(),
        user,
        version
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that the keys of a version have changed and how many there are now.
pub async fn update_count(conn: &mut Conn, user: UserNid, version: i64, etag: i64, key_count: i64) -> Result<()> {
    sqlx::query!(
        "update key_backups set etag = ?, key_count = ? where user_nid = ? and version = ?",
        etag,
        key_count,
        user,
        version
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Marks a version as deleted and empties it.
pub async fn delete(conn: &mut Conn, user: UserNid, version: i64) -> Result<()> {
    sqlx::query!(
        "update key_backups set is_deleted = 1, auth_data = '', key_count = 0 where user_nid = ? and version = ?",
        user,
        version
    )
    .execute(&mut *conn)
    .await?;
    delete_sessions(conn, user, version, Scope::All).await?;
    Ok(())
}

/// What decides about the keys that are stored for `sessions`, each a room ID and a session ID.
pub async fn list_merits(
    conn: &mut Conn,
    user: UserNid,
    version: i64,
    sessions: &[(&str, &str)],
) -> Result<Vec<(String, String, Merit)>> {
    type Row = (Text, Text, bool, i64, i64);
    let mut found = Vec::new();
    for list in bulk::lists(sessions) {
        let sql = format!(
            "select room_id, session_id, is_verified, first_message_index, forwarded_count from key_backup_sessions
             where user_nid = ? and version = ? and ({})",
            vec!["room_id = ? and session_id = ?"; list.len()].join(" or ")
        );
        let mut query = sqlx::query_as::<_, Row>(AssertSqlSafe(sql)).bind(user).bind(version);
        for (room_id, session_id) in list {
            query = query.bind(room_id).bind(session_id);
        }
        let rows = query.fetch_all(&mut *conn).await?;
        found.extend(rows.into_iter().map(
            |(room_id, session_id, is_verified, first_message_index, forwarded_count)| {
                (room_id.0, session_id.0, Merit { is_verified, first_message_index, forwarded_count })
            },
        ));
    }
    Ok(found)
}

/// Inserts keys, or replaces those of the same sessions.
pub async fn upsert_sessions(conn: &mut Conn, user: UserNid, version: i64, sessions: &[&SessionRow]) -> Result<()> {
    UPSERT
        .run_weighed(
            conn,
            sessions,
            |session| session.session_data.len(),
            |session, to| {
                to.add(user)?;
                to.add(version)?;
                to.add(session.room_id.as_bytes())?;
                to.add(session.session_id.as_bytes())?;
                to.add(session.merit.first_message_index)?;
                to.add(session.merit.forwarded_count)?;
                to.add(session.merit.is_verified)?;
                to.add(session.session_data.as_bytes())
            },
        )
        .await?;
    Ok(())
}

const UPSERT: Insert = Insert {
    head: "insert into key_backup_sessions (user_nid, version, room_id, session_id, first_message_index, \
           forwarded_count, is_verified, session_data) values",
    columns: 8,
    tail: "on duplicate key update first_message_index = values(first_message_index), \
           forwarded_count = values(forwarded_count), is_verified = values(is_verified), \
           session_data = values(session_data)",
};

impl<'a> Scope<'a> {
    fn condition(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Room(_) => "and room_id = ?",
            Self::Session(..) => "and room_id = ? and session_id = ?",
        }
    }

    fn parameters(self) -> impl Iterator<Item = &'a str> {
        let (room_id, session_id) = match self {
            Self::All => (None, None),
            Self::Room(room_id) => (Some(room_id), None),
            Self::Session(room_id, session_id) => (Some(room_id), Some(session_id)),
        };
        room_id.into_iter().chain(session_id)
    }
}

/// The keys in `scope`, by room and session.
pub async fn list_sessions(conn: &mut Conn, user: UserNid, version: i64, scope: Scope<'_>) -> Result<Vec<SessionRow>> {
    type Row = (RoomIdColumn, Text, bool, i64, i64, Text);
    let sql = format!(
        "select room_id, session_id, is_verified, first_message_index, forwarded_count, session_data
         from key_backup_sessions
         where user_nid = ? and version = ? {}
         order by room_id, session_id",
        scope.condition()
    );
    let mut query = sqlx::query_as::<_, Row>(AssertSqlSafe(sql)).bind(user).bind(version);
    for parameter in scope.parameters() {
        query = query.bind(parameter);
    }
    let rows = query.fetch_all(conn).await?;
    Ok(rows
        .into_iter()
        .map(|(room_id, session_id, is_verified, first_message_index, forwarded_count, session_data)| SessionRow {
            room_id: room_id.0,
            session_id: session_id.0,
            merit: Merit { is_verified, first_message_index, forwarded_count },
            session_data: session_data.0,
        })
        .collect())
}

/// Deletes the keys in `scope`; returns how many there were.
pub async fn delete_sessions(conn: &mut Conn, user: UserNid, version: i64, scope: Scope<'_>) -> Result<u64> {
    let sql = format!("delete from key_backup_sessions where user_nid = ? and version = ? {}", scope.condition());
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(user).bind(version);
    for parameter in scope.parameters() {
        query = query.bind(parameter);
    }
    Ok(query.execute(conn).await?.rows_affected())
}

/// Deletes all backups of a user.
pub async fn delete_all(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query!("delete from key_backup_sessions where user_nid = ?", user).execute(&mut *conn).await?;
    sqlx::query!("delete from key_backups where user_nid = ?", user).execute(conn).await?;
    Ok(())
}
