//! Reads events: by ID, by number, by place. Writing them is the log's.

use std::sync::Arc;

use ruma::{EventId, OwnedDeviceId, OwnedEventId, OwnedRoomId};
use sqlx::{AssertSqlSafe, FromRow, QueryBuilder};

use super::{
    Conn,
    codec::{DeviceIdColumn, EventIdColumn, RoomIdColumn, Text},
    numbers::{EventNid, Position, RoomNid, SnapshotNid, StateKeyNid, UserNid},
};
use crate::Result;

/// An event as it is stored.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `events`")]
pub struct StoredEvent {
    pub nid: EventNid,
    pub id: OwnedEventId,
    pub room: RoomNid,
    pub room_id: OwnedRoomId,
    pub sender: UserNid,
    pub state_key: Option<StateKeyNid>,
    pub position: Option<Position>,
    pub snapshot: Option<SnapshotNid>,
    pub flags: i32,
    pub transaction: Option<(OwnedDeviceId, String)>,
    pub unsigned: Arc<str>,
    pub json: Arc<str>,
}

#[derive(FromRow)]
struct Row {
    event_nid: i64,
    event_id: EventIdColumn,
    room_nid: i64,
    room_id: RoomIdColumn,
    sender_nid: i64,
    state_key_nid: Option<i64>,
    position: Option<i64>,
    snapshot_nid: Option<i64>,
    flags: i32,
    device_id: Option<DeviceIdColumn>,
    txn_id: Option<Text>,
    unsigned_json: Option<Text>,
    json: Text,
}

impl From<Row> for StoredEvent {
    fn from(row: Row) -> Self {
        Self {
            nid: EventNid(row.event_nid),
            id: row.event_id.0,
            room: RoomNid(row.room_nid),
            room_id: row.room_id.0,
            sender: UserNid(row.sender_nid),
            state_key: row.state_key_nid.map(StateKeyNid),
            position: row.position.map(Position),
            snapshot: row.snapshot_nid.map(SnapshotNid),
            flags: row.flags,
            transaction: row.device_id.zip(row.txn_id).map(|(device, txn)| (device.0, txn.0)),
            unsigned: row.unsigned_json.map_or_else(|| Arc::from(""), |text| text.0.into()),
            json: row.json.0.into(),
        }
    }
}

/// The columns of [`Row`], and where they come from.
const SELECT: &str = "select event_nid, event_id, events.room_nid, rooms.room_id, sender_nid, state_key_nid, position, \
     snapshot_nid, flags, device_id, txn_id, unsigned_json, json \
     from events join rooms on rooms.room_nid = events.room_nid ";

/// At most so many keys go into one `in (…)` list.
const LIST: usize = 500;

/// Finds an event by its ID.
pub async fn find(conn: &mut Conn, id: &EventId) -> Result<Option<StoredEvent>> {
    let row = sqlx::query_as::<_, Row>(AssertSqlSafe(format!("{SELECT} where event_id = ?")))
        .bind(id.as_bytes())
        .fetch_optional(conn)
        .await?;
    Ok(row.map(Into::into))
}

/// Lists events by their numbers, in no particular order; unknown numbers are left out.
pub async fn list(conn: &mut Conn, nids: &[EventNid]) -> Result<Vec<StoredEvent>> {
    let mut events = Vec::with_capacity(nids.len());
    for chunk in nids.chunks(LIST) {
        let mut query = QueryBuilder::new(SELECT);
        query.push(" where event_nid in (");
        let mut list = query.separated(",");
        for nid in chunk {
            list.push_bind(nid.0);
        }
        query.push(")");
        let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *conn).await?;
        events.extend(rows.into_iter().map(StoredEvent::from));
    }
    Ok(events)
}

/// Lists events by their IDs, in no particular order; unknown IDs are left out.
pub async fn list_by_id(conn: &mut Conn, ids: &[OwnedEventId]) -> Result<Vec<StoredEvent>> {
    let mut events = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(LIST) {
        let mut query = QueryBuilder::new(SELECT);
        query.push(" where event_id in (");
        let mut list = query.separated(",");
        for id in chunk {
            list.push_bind(id.as_bytes());
        }
        query.push(")");
        let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *conn).await?;
        events.extend(rows.into_iter().map(StoredEvent::from));
    }
    Ok(events)
}

/// Which way to read a timeline, and from where (exclusive).
#[derive(Clone, Copy, Debug)]
pub enum Range {
    /// Newest first, from below this position down to above the other.
    Down(Position, Position),
    /// Oldest first, from above this position up to the other, which is included.
    Up(Position, Position),
}

/// Lists a page of a room's timeline.
pub async fn page(conn: &mut Conn, room: RoomNid, range: Range, limit: usize) -> Result<Vec<StoredEvent>> {
    let (condition, order, from, to) = match range {
        Range::Down(below, above) => ("position < ? and position > ?", "desc", below, above),
        Range::Up(above, to) => ("position > ? and position <= ?", "asc", above, to),
    };
    let sql = format!("{SELECT} where events.room_nid = ? and {condition} order by position {order} limit ?");
    let rows = sqlx::query_as::<_, Row>(AssertSqlSafe(sql))
        .bind(room.0)
        .bind(from.0)
        .bind(to.0)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Lists a page of the events of a room's timeline that a user sent, the newest first, from below a
/// position.
pub async fn sent_by(
    conn: &mut Conn,
    room: RoomNid,
    sender: UserNid,
    below: Position,
    limit: usize,
) -> Result<Vec<StoredEvent>> {
    let sql = format!(
        "{SELECT} where events.room_nid = ? and sender_nid = ? and position < ? order by position desc limit ?"
    );
    let rows = sqlx::query_as::<_, Row>(AssertSqlSafe(sql))
        .bind(room.0)
        .bind(sender.0)
        .bind(below.0)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Lists the events of the timelines of all rooms after `since`, up to `until`, oldest first.
pub async fn log(conn: &mut Conn, since: Position, until: Position, limit: usize) -> Result<Vec<StoredEvent>> {
    let sql = format!("{SELECT} where position > ? and position <= ? order by position asc limit ?");
    let rows = sqlx::query_as::<_, Row>(AssertSqlSafe(sql))
        .bind(since.0)
        .bind(until.0)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Lists the events of a room's timeline that were sent at or after (`forward`), or at or before,
/// `ts_ms`, nearest first.
pub async fn nearest(
    conn: &mut Conn,
    room: RoomNid,
    ts_ms: i64,
    forward: bool,
    limit: usize,
) -> Result<Vec<StoredEvent>> {
    let (condition, order) = if forward { (">=", "asc") } else { ("<=", "desc") };
    let sql = format!(
        "{SELECT} where events.room_nid = ? and origin_server_ts {condition} ? and position is not null \
         order by origin_server_ts {order}, position {order} limit ?"
    );
    let rows = sqlx::query_as::<_, Row>(AssertSqlSafe(sql))
        .bind(room.0)
        .bind(ts_ms)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Lists the events at some places, in no particular order.
pub async fn at(conn: &mut Conn, places: &[(RoomNid, Position)]) -> Result<Vec<StoredEvent>> {
    let mut events = Vec::with_capacity(places.len());
    for chunk in places.chunks(LIST) {
        let mut query = QueryBuilder::new(SELECT);
        query.push(" where (events.room_nid, position) in ");
        query.push_tuples(chunk, |mut tuple, (room, position)| {
            tuple.push_bind(room.0).push_bind(position.0);
        });
        let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *conn).await?;
        events.extend(rows.into_iter().map(StoredEvent::from));
    }
    Ok(events)
}

/// Lists the state events of a room with a position after `since`, up to `until`, oldest first:
/// those at one state key, or all membership events.
pub async fn between(
    conn: &mut Conn,
    room: RoomNid,
    key: Option<StateKeyNid>,
    since: Position,
    until: Position,
) -> Result<Vec<StoredEvent>> {
    let condition = if key.is_some() { "state_key_nid = ?" } else { "state_key_nid is not null and type = ?" };
    let sql = format!(
        "{SELECT} where events.room_nid = ? and position > ? and position <= ? and {condition} order by position"
    );
    let query = sqlx::query_as::<_, Row>(AssertSqlSafe(sql)).bind(room.0).bind(since.0).bind(until.0);
    let query = match key {
        Some(key) => query.bind(key.0),
        None => query.bind("m.room.member"),
    };
    Ok(query.fetch_all(conn).await?.into_iter().map(Into::into).collect())
}
