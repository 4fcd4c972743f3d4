//! Account data. It is written by the log.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::{
    Conn, bulk,
    codec::Text,
    numbers::{Position, RoomNid, UserNid},
};
use crate::Result;

/// A piece of account data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of `account_data`")]
pub struct AccountDataRow {
    /// None for global account data.
    pub room: Option<RoomNid>,
    pub kind: String,
    /// A JSON object; an empty one means that the data were deleted.
    pub content: String,
    pub position: Position,
}

/// Finds the content of a piece of account data, also that of deleted ones.
pub async fn find(conn: &mut Conn, user: UserNid, room: Option<RoomNid>, kind: &str) -> Result<Option<String>> {
    let found = sqlx::query_scalar!(
        "select content as `content: Text` from account_data where user_nid = ? and room_nid = ? and type = ?",
        user,
        room.map_or(0, |room| room.0),
        kind
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(|content| content.0))
}

/// Finds the contents of global account data of one type, also those of deleted ones.
pub async fn find_global(conn: &mut Conn, users: &[UserNid], kind: &str) -> Result<HashMap<UserNid, String>> {
    let mut contents = HashMap::new();
    for users in bulk::lists(users) {
        let sql = format!(
            "select user_nid, content from account_data where room_nid = 0 and type = ? and user_nid in ({})",
            bulk::marks(users.len())
        );
        let mut query = sqlx::query_as::<_, (i64, Text)>(AssertSqlSafe(sql)).bind(kind);
        for user in users {
            query = query.bind(user.0);
        }
        let rows = query.fetch_all(&mut *conn).await?.into_iter();
        contents.extend(rows.map(|(user, content)| (UserNid(user), content.0)));
    }
    Ok(contents)
}

/// Lists a user's account data, global and of rooms, that changed after `since`, oldest change
/// first.
pub async fn list(conn: &mut Conn, user: UserNid, since: Position) -> Result<Vec<AccountDataRow>> {
    let rows = sqlx::query!(
        "select room_nid, type as `kind: Text`, content as `content: Text`, position
         from account_data
         where user_nid = ? and position > ?
         order by position",
        user,
        since
    )
    .fetch_all(conn)
    .await?;
    let row = rows.into_iter().map(|row| AccountDataRow {
        room: (row.room_nid != 0).then_some(RoomNid(row.room_nid)),
        kind: row.kind.0,
        content: row.content.0,
        position: Position(row.position),
    });
    Ok(row.collect())
}

/// Lists a user's account data of one room, by type, without deleted ones.
pub async fn of_room(conn: &mut Conn, user: UserNid, room: RoomNid) -> Result<Vec<AccountDataRow>> {
    let rows = sqlx::query!(
        "select type as `kind: Text`, content as `content: Text`, position
         from account_data
         where user_nid = ? and room_nid = ? and content <> '{}'
         order by type",
        user,
        room
    )
    .fetch_all(conn)
    .await?;
    let row = rows.into_iter().map(|row| AccountDataRow {
        room: Some(room),
        kind: row.kind.0,
        content: row.content.0,
        position: Position(row.position),
    });
    Ok(row.collect())
}

/// Deletes all account data of a user whose account is erased.
pub async fn delete_all(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query!("delete from account_data where user_nid = ?", user).execute(conn).await?;
    Ok(())
}
