//! What operators chose about protections, and which accounts are new.

use ruma::{OwnedRoomId, RoomId, UserId};

use super::{Conn, codec::Text};
use crate::Result;

/// Another value than the configuration has.
#[derive(Clone, Debug)]
pub struct StoredChange {
    /// The room for which it holds; all, if there is none.
    pub room_id: Option<OwnedRoomId>,
    /// The option, with the protection's name before it.
    pub path: String,
    /// The value, as JSON.
    pub value: Vec<u8>,
}

struct Row {
    room_id: Text,
    path: Text,
    value: Vec<u8>,
}

/// All changes.
pub async fn list(conn: &mut Conn) -> Result<Vec<StoredChange>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select room_id as "room_id: Text", path as "path: Text", value
        from protection_changes
        order by room_id, path
        "#
    )
    .fetch_all(conn)
    .await?;
    let change = |row: Row| StoredChange {
        room_id: OwnedRoomId::try_from(row.room_id.0).ok(),
        path: row.path.0,
        value: row.value,
    };
    Ok(rows.into_iter().map(change).collect())
}

/// Writes a change, for one room or for all.
pub async fn put(
    conn: &mut Conn,
    room: Option<&RoomId>,
    (path, value): (&str, &[u8]),
    by: &UserId,
    now_ms: i64,
) -> Result<()> {
    sqlx::query!(
        "insert into protection_changes (room_id, path, value, changed_by, changed_at)
         values (?, ?, ?, ?, ?)
         on duplicate key update
             value = values(value), changed_by = values(changed_by), changed_at = values(changed_at)",
        room.map_or("", RoomId::as_str),
        path,
        value,
        by.as_str(),
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a change back; says whether there was one.
pub async fn delete(conn: &mut Conn, room: Option<&RoomId>, path: &str) -> Result<bool> {
    let done = sqlx::query!(
        "delete from protection_changes where room_id = ? and path = ?",
        room.map_or("", RoomId::as_str),
        path
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes an account that was made.
pub async fn insert_account(conn: &mut Conn, user: &UserId, created_at: i64) -> Result<()> {
    sqlx::query!("insert ignore into recent_accounts (user_id, created_at) values (?, ?)", user.as_str(), created_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// When an account was made, if that was lately.
pub async fn find_account(conn: &mut Conn, user: &UserId) -> Result<Option<i64>> {
    let created_at = sqlx::query_scalar!("select created_at from recent_accounts where user_id = ?", user.as_str())
        .fetch_optional(conn)
        .await?;
    Ok(created_at)
}

/// Forgets accounts that were made before `before`.
pub async fn delete_accounts(conn: &mut Conn, before: i64) -> Result<()> {
    sqlx::query!("delete from recent_accounts where created_at < ?", before).execute(conn).await?;
    Ok(())
}
