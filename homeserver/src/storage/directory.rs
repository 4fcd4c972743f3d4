//! Aliases of rooms.

pub mod lists;

use ruma::{OwnedRoomAliasId, RoomAliasId};

use super::{
    Conn,
    codec::AliasColumn,
    fault,
    numbers::{RoomNid, UserNid},
};
use crate::Result;

/// A local alias.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `room_aliases`")]
pub struct StoredAlias {
    pub room: RoomNid,
    pub creator: UserNid,
}

/// Binds an alias to a room; tells whether it was free.
pub async fn insert_alias(
    conn: &mut Conn,
    alias: &RoomAliasId,
    room: RoomNid,
    creator: UserNid,
    now_ms: i64,
) -> Result<bool> {
    let inserted = sqlx::query!(
        "insert into room_aliases (alias, room_nid, creator_nid, created_at) values (?, ?, ?, ?)",
        alias.as_str(),
        room,
        creator,
        now_ms
    )
    .execute(conn)
    .await;
    match inserted.map_err(Into::into) {
        Ok(_) => Ok(true),
        Err(error) if fault::is_duplicate(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Finds what an alias stands for.
pub async fn find_alias(conn: &mut Conn, alias: &RoomAliasId) -> Result<Option<StoredAlias>> {
    let row = sqlx::query!("select room_nid, creator_nid from room_aliases where alias = ?", alias.as_str())
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|row| StoredAlias { room: RoomNid(row.room_nid), creator: UserNid(row.creator_nid) }))
}

/// Lists the local aliases of a room.
pub async fn list_aliases(conn: &mut Conn, room: RoomNid) -> Result<Vec<OwnedRoomAliasId>> {
    let aliases = sqlx::query_scalar!(
        "select alias as `alias: AliasColumn` from room_aliases where room_nid = ? order by created_at, alias",
        room
    );
    Ok(aliases.fetch_all(conn).await?.into_iter().map(Into::into).collect())
}

/// Deletes an alias, if it still stands for `room`.
pub async fn delete_alias(conn: &mut Conn, alias: &RoomAliasId, room: RoomNid) -> Result<()> {
    sqlx::query!("delete from room_aliases where alias = ? and room_nid = ?", alias.as_str(), room)
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes an alias that was bound before `before_ms` to a room that never came to be.
pub async fn delete_orphan_alias(conn: &mut Conn, alias: &RoomAliasId, before_ms: i64) -> Result<()> {
    sqlx::query!(
        "delete from room_aliases
         where alias = ? and created_at < ?
           and not exists (select 1 from rooms where rooms.room_nid = room_aliases.room_nid)",
        alias.as_str(),
        before_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes all aliases of one room stand for another.
pub async fn move_aliases(conn: &mut Conn, from: RoomNid, to: RoomNid) -> Result<()> {
    sqlx::query!("update room_aliases set room_nid = ? where room_nid = ?", to, from).execute(conn).await?;
    Ok(())
}

/// `text` for the inside of a `like` pattern.
pub fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
