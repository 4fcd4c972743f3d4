//! Reads what `/sync` tells from the tables, for clients whose token is older than the tail.

use super::{
    Conn,
    codec::Text,
    numbers::{Position, RoomNid, UserNid},
};
use crate::Result;

/// A stored piece of account data.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `account_data`")]
pub struct StoredAccountData {
    pub room: Option<RoomNid>,
    pub kind: String,
    pub content: String,
}

/// Lists a user's account data that changed after `since`, up to `head`; all there is, if none.
pub async fn account_data_since(
    conn: &mut Conn,
    user: UserNid,
    since: Option<Position>,
    head: Position,
) -> Result<Vec<StoredAccountData>> {
    let rows = sqlx::query!(
        "select room_nid, type as `kind: Text`, content as `content: Text`
         from account_data
         where user_nid = ? and position > ? and position <= ?
         order by position",
        user,
        since.unwrap_or(Position::ZERO),
        head
    )
    .fetch_all(conn)
    .await?;
    let all = rows.into_iter().map(|row| StoredAccountData {
        room: Some(row.room_nid).filter(|room| *room != 0).map(RoomNid),
        kind: row.kind.0,
        content: row.content.0,
    });
    Ok(all.collect())
}

/// Lists the users whose devices or keys changed after `since`, up to `head`.
pub async fn device_lists_since(conn: &mut Conn, since: Position, head: Position) -> Result<Vec<UserNid>> {
    let rows = sqlx::query_scalar!(
        "select distinct user_nid from device_list_changes where position > ? and position <= ?",
        since,
        head
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(UserNid).collect())
}
