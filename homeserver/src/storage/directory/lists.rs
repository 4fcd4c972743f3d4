//! The lists of published rooms: the server's own, and those of networks that application services look
//! after.

use sqlx::{FromRow, MySql, QueryBuilder};

use super::escape_like;
use crate::{
    Result,
    storage::{
        Conn, bulk,
        codec::Text,
        numbers::{RoomNid, SnapshotNid},
    },
};

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

/// A network that an application service looks after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The ID of the application service.
    pub service: String,
    /// What the application service calls the network.
    pub network: String,
}

/// Publishes a room, or renews what lists tell of it. With `is_listed` it comes onto the server's own
/// list, if it is not there yet.
pub async fn publish(conn: &mut Conn, listed: &ListedRoom, is_listed: bool) -> Result<()> {
    sqlx::query!(
        "insert into published_rooms
             (room_nid, snapshot_nid, joined, is_federated, room_type, search_text, summary, is_listed)
         values (?, ?, ?, ?, ?, ?, ?, ?)
         on duplicate key update snapshot_nid = values(snapshot_nid), joined = values(joined),
             is_federated = values(is_federated), room_type = values(room_type),
             search_text = values(search_text), summary = values(summary),
             is_listed = greatest(is_listed, values(is_listed))",
        listed.room,
        listed.snapshot,
        listed.joined,
        listed.is_federated,
        listed.room_type,
        listed.search_text,
        listed.summary,
        is_listed
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

/// Takes a room off the server's own list.
pub async fn unpublish(conn: &mut Conn, room: RoomNid) -> Result<()> {
    sqlx::query!("update published_rooms set is_listed = 0 where room_nid = ?", room).execute(&mut *conn).await?;
    forget_unlisted(conn, room).await
}

/// Puts a room onto the list of a network, which has to be published.
pub async fn insert_network(conn: &mut Conn, room: RoomNid, of: &Network) -> Result<()> {
    sqlx::query!(
        "insert ignore into network_rooms (service_id, network_id, room_nid) values (?, ?, ?)",
        of.service,
        of.network,
        room
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a room off the list of a network.
pub async fn delete_network(conn: &mut Conn, room: RoomNid, of: &Network) -> Result<()> {
    sqlx::query!(
        "delete from network_rooms where service_id = ? and network_id = ? and room_nid = ?",
        of.service,
        of.network,
        room
    )
    .execute(&mut *conn)
    .await?;
    forget_unlisted(conn, room).await
}

/// Forgets what lists tell of a room that is on none.
async fn forget_unlisted(conn: &mut Conn, room: RoomNid) -> Result<()> {
    sqlx::query!(
        "delete from published_rooms
         where room_nid = ? and is_listed = 0
           and not exists (select 1 from network_rooms where network_rooms.room_nid = published_rooms.room_nid)",
        room
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a room is on the server's own list.
pub async fn is_published(conn: &mut Conn, room: RoomNid) -> Result<bool> {
    let found = sqlx::query_scalar!("select room_nid from published_rooms where room_nid = ? and is_listed = 1", room);
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
    /// Whose rooms are asked for.
    pub list: WhichList,
}

/// The lists that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WhichList {
    /// The server's own.
    #[default]
    Own,
    /// That of a network.
    Of(Network),
    /// All of them together.
    All,
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
    match &filter.list {
        WhichList::Own => {
            query.push(" and is_listed = 1");
        }
        WhichList::Of(Network { service, network }) => {
            query.push(" and room_nid in (select room_nid from network_rooms where service_id = ");
            query.push_bind(service.clone().into_bytes());
            query.push(" and network_id = ");
            query.push_bind(network.clone().into_bytes());
            query.push(")");
        }
        WhichList::All => {}
    }
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
