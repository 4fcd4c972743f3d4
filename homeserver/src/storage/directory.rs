//! Aliases of rooms, and the published list of rooms.

use ruma::{OwnedRoomAliasId, RoomAliasId};
use sqlx::{FromRow, MySql, QueryBuilder};

use super::{
    Conn, bulk,
    codec::{AliasColumn, Text},
    fault,
    numbers::{RoomNid, SnapshotNid, UserNid},
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

/// What the published list tells of a room.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `published_rooms`")]
pub struct ListedRoom {
    pub room: RoomNid,
    pub snapshot: SnapshotNid,
    pub joined: i64,
    pub is_federated: bool,
    pub room_type: Option<String>,
    pub search_text: String,
    /// A JSON object.
    pub summary: String,
}

/// Publishes a room, or renews what the list tells of it.
pub async fn publish(conn: &mut Conn, listed: &ListedRoom) -> Result<()> {
    sqlx::query!(
        "insert into published_rooms
             (room_nid, snapshot_nid, joined, is_federated, room_type, search_text, summary)
         values (?, ?, ?, ?, ?, ?, ?)
         on duplicate key update snapshot_nid = values(snapshot_nid), joined = values(joined),
             is_federated = values(is_federated), room_type = values(room_type),
             search_text = values(search_text), summary = values(summary)",
        listed.room,
        listed.snapshot,
        listed.joined,
        listed.is_federated,
        listed.room_type,
        listed.search_text,
        listed.summary
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Renews what the list tells of a room, if it is published.
pub async fn renew(conn: &mut Conn, listed: &ListedRoom) -> Result<()> {
    sqlx::query!(
        "update published_rooms
         set snapshot_nid = ?, joined = ?, is_federated = ?, room_type = ?, search_text = ?, summary = ?
         where room_nid = ?",
        listed.snapshot,
        listed.joined,
        listed.is_federated,
        listed.room_type,
        listed.search_text,
        listed.summary,
        listed.room
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a room off the list.
pub async fn unpublish(conn: &mut Conn, room: RoomNid) -> Result<()> {
    sqlx::query!("delete from published_rooms where room_nid = ?", room).execute(conn).await?;
    Ok(())
}

/// Whether a room is on the list.
pub async fn is_published(conn: &mut Conn, room: RoomNid) -> Result<bool> {
    let found = sqlx::query_scalar!("select room_nid from published_rooms where room_nid = ?", room);
    Ok(found.fetch_optional(conn).await?.is_some())
}

/// Lists the published rooms whose state is not the one that the list tells of.
pub async fn outdated(conn: &mut Conn) -> Result<Vec<RoomNid>> {
    let rooms = sqlx::query_scalar!(
        "select published_rooms.room_nid
         from published_rooms
         join room_heads on room_heads.room_nid = published_rooms.room_nid
         where room_heads.snapshot_nid <> published_rooms.snapshot_nid"
    );
    Ok(rooms.fetch_all(conn).await?.into_iter().map(RoomNid).collect())
}

/// The same among `rooms`.
pub async fn outdated_among(conn: &mut Conn, rooms: &[RoomNid]) -> Result<Vec<RoomNid>> {
    let mut outdated = Vec::new();
    for list in bulk::lists(rooms) {
        let mut query = QueryBuilder::<MySql>::new(
            "select published_rooms.room_nid
             from published_rooms
             join room_heads on room_heads.room_nid = published_rooms.room_nid
             where room_heads.snapshot_nid <> published_rooms.snapshot_nid and published_rooms.room_nid in (",
        );
        let mut values = query.separated(",");
        for room in list {
            values.push_bind(room.0);
        }
        query.push(")");
        outdated.extend(query.build_query_scalar().fetch_all(&mut *conn).await?.into_iter().map(RoomNid));
    }
    Ok(outdated)
}

/// Which published rooms are asked for.
#[derive(Clone, Debug, Default)]
pub struct ListFilter {
    /// What stands in the name, the topic or the alias; anything, if none.
    pub term: Option<String>,
    /// The types, of which none is a type too; all, if empty.
    pub room_types: Vec<Option<String>>,
    /// Whether only rooms are asked for that other servers may take part in.
    pub only_federated: bool,
}

/// A place in the list, which is ordered by size, the largest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListPlace {
    /// The members of the room next to it.
    pub joined: i64,
    /// That room.
    pub room: RoomNid,
}

/// Which rooms are on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListRange {
    /// The largest.
    First,
    /// The next smaller ones.
    After(ListPlace),
    /// The next larger ones, the smallest of them first.
    Before(ListPlace),
}

/// A room on a page.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "the fields are the columns of `published_rooms`")]
pub struct PageRow {
    pub room_nid: i64,
    pub joined: i64,
    pub summary: Text,
}

/// Lists a page of the published rooms.
pub async fn list_page(conn: &mut Conn, filter: &ListFilter, range: ListRange, limit: usize) -> Result<Vec<PageRow>> {
    let mut query = QueryBuilder::new("select room_nid, joined, summary from published_rooms where joined > 0");
    push_filter(&mut query, filter);
    let order = match range {
        ListRange::First => "desc",
        ListRange::After(place) => {
            push_place(&mut query, "<", place);
            "desc"
        }
        ListRange::Before(place) => {
            push_place(&mut query, ">", place);
            "asc"
        }
    };
    query.push(format!(" order by joined {order}, room_nid {order} limit "));
    query.push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    Ok(query.build_query_as().fetch_all(conn).await?)
}

/// Counts the published rooms.
pub async fn count_listed(conn: &mut Conn, filter: &ListFilter) -> Result<i64> {
    let mut query = QueryBuilder::new("select count(*) from published_rooms where joined > 0");
    push_filter(&mut query, filter);
    Ok(query.build_query_scalar().fetch_one(conn).await?)
}

fn push_place(query: &mut QueryBuilder<MySql>, comparison: &str, place: ListPlace) {
    query.push(format!(" and (joined {comparison} "));
    query.push_bind(place.joined);
    query.push(" or (joined = ");
    query.push_bind(place.joined);
    query.push(format!(" and room_nid {comparison} "));
    query.push_bind(place.room.0);
    query.push("))");
}

fn push_filter(query: &mut QueryBuilder<MySql>, filter: &ListFilter) {
    if filter.only_federated {
        query.push(" and is_federated = 1");
    }
    if let Some(term) = &filter.term {
        query.push(" and search_text like ");
        query.push_bind(format!("%{}%", escape_like(term)));
    }
    if !filter.room_types.is_empty() {
        query.push(" and (");
        let mut alternatives = query.separated(" or ");
        for room_type in &filter.room_types {
            match room_type {
                None => alternatives.push("room_type is null"),
                Some(room_type) => {
                    alternatives.push("room_type = ");
                    alternatives.push_bind_unseparated(room_type.clone().into_bytes())
                }
            };
        }
        query.push(")");
    }
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
