//! Who has changed devices or keys, and who has to know. The log writes the changes.

use super::{
    Conn,
    numbers::{Position, UserNid},
};
use crate::Result;

/// The users whose devices or keys changed after `after`.
pub async fn list_changed(conn: &mut Conn, after: Position) -> Result<Vec<UserNid>> {
    let found = sqlx::query_scalar!(
        "select distinct user_nid as `user: UserNid` from device_list_changes where position > ?",
        after
    )
    .fetch_all(conn)
    .await?;
    Ok(found)
}

/// The users who have joined a room that `user` has joined too, `user` among them.
pub async fn list_sharers(conn: &mut Conn, user: UserNid) -> Result<Vec<UserNid>> {
    let found = sqlx::query_scalar!(
        "select distinct theirs.user_nid as `user: UserNid`
         from room_members mine
         join room_members theirs on theirs.room_nid = mine.room_nid and theirs.membership = 1
         where mine.user_nid = ? and mine.membership = 1",
        user
    )
    .fetch_all(conn)
    .await?;
    Ok(found)
}

/// The users with whom `user` may have come to share a room after `after`: one of the two
/// memberships is newer.
pub async fn list_met(conn: &mut Conn, user: UserNid, after: Position) -> Result<Vec<UserNid>> {
    let found = sqlx::query_scalar!(
        "select distinct theirs.user_nid as `user: UserNid`
         from room_members mine
         join room_members theirs on theirs.room_nid = mine.room_nid and theirs.membership = 1
         where mine.user_nid = ? and mine.membership = 1
             and (mine.position > ? or theirs.position > ?)",
        user,
        after,
        after
    )
    .fetch_all(conn)
    .await?;
    Ok(found)
}

/// The users with whom `user` may have ceased to share a room after `after`: one of the two has left
/// a room since then, while the other is there or has left since then too.
pub async fn list_parted(conn: &mut Conn, user: UserNid, after: Position) -> Result<Vec<UserNid>> {
    let found = sqlx::query_scalar!(
        "select distinct theirs.user_nid as `user: UserNid`
         from room_members mine
         join room_members theirs on theirs.room_nid = mine.room_nid
         where mine.user_nid = ?
             and (mine.membership = 1 or mine.membership in (4, 5) and mine.position > ?)
             and (theirs.membership = 1 or theirs.membership in (4, 5) and theirs.position > ?)
             and not (mine.membership = 1 and theirs.membership = 1)",
        user,
        after,
        after
    )
    .fetch_all(conn)
    .await?;
    Ok(found)
}

/// Deletes the changes that a later one of the same user makes superfluous.
pub async fn delete_superseded(conn: &mut Conn) -> Result<()> {
    sqlx::query!(
        "delete earlier from device_list_changes earlier
         join device_list_changes later on later.user_nid = earlier.user_nid and later.position > earlier.position"
    )
    .execute(conn)
    .await?;
    Ok(())
}
