//! Reads relations between events. Writing them is the log's.

pub mod pages;

use ruma::{EventId, OwnedEventId};
use sqlx::{AssertSqlSafe, FromRow};

use super::{
    Conn,
    bulk::{lists, marks},
    codec::{EventIdColumn, Text},
    numbers::{EventNid, Position, RoomNid, UserNid},
};
use crate::Result;

/// An event that edits or refers to another.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are columns of `event_relations` and, of the child, `events`")]
pub struct Child {
    pub parent: OwnedEventId,
    pub rel_type: String,
    pub nid: EventNid,
    pub id: OwnedEventId,
    pub sender: UserNid,
    pub kind: String,
    pub is_state: bool,
    pub origin_server_ts: i64,
    pub position: Position,
}

#[derive(FromRow)]
struct ChildRow {
    target_id: EventIdColumn,
    rel_type: Text,
    event_nid: i64,
    event_id: EventIdColumn,
    sender_nid: i64,
    r#type: Text,
    state_key_nid: Option<i64>,
    origin_server_ts: i64,
    position: i64,
}

impl From<ChildRow> for Child {
    fn from(row: ChildRow) -> Self {
        Self {
            parent: row.target_id.0,
            rel_type: row.rel_type.0,
            nid: EventNid(row.event_nid),
            id: row.event_id.0,
            sender: UserNid(row.sender_nid),
            kind: row.r#type.0,
            is_state: row.state_key_nid.is_some(),
            origin_server_ts: row.origin_server_ts,
            position: Position(row.position),
        }
    }
}

/// Lists the edits of, and references to, events of a room, up to a position, oldest first.
///
/// For one room, because MariaDB takes ten times as long to plan with a list of (room, event) pairs.
pub async fn edits_and_references(
    conn: &mut Conn,
    room: RoomNid,
    parents: &[&EventId],
    until: Position,
) -> Result<Vec<Child>> {
    let mut children = Vec::new();
    for list in lists(parents) {
        let sql = format!(
            "select target_id, rel_type, relations.event_nid, events.event_id, relations.sender_nid, relations.type, \
             events.state_key_nid, events.origin_server_ts, relations.position \
             from event_relations relations \
             join events on events.event_nid = relations.event_nid \
             where relations.room_nid = ? and target_id in ({}) and rel_type in ('m.replace', 'm.reference') \
             and relations.position <= ? \
             order by relations.position",
            marks(list.len())
        );
        let mut query = sqlx::query_as::<_, ChildRow>(AssertSqlSafe(sql)).bind(room.0);
        for parent in &list {
            query = query.bind(parent.as_bytes());
        }
        children.extend(query.bind(until.0).fetch_all(&mut *conn).await?.into_iter().map(Child::from));
    }
    Ok(children)
}

/// What one person wrote in a thread.
#[derive(Clone, Debug)]
pub struct Part {
    /// The event that the thread began with.
    pub root: OwnedEventId,
    /// Who.
    pub sender: UserNid,
    /// How many events.
    pub count: u64,
    /// The newest of them.
    pub latest: EventNid,
    /// Its position.
    pub position: Position,
}

#[derive(FromRow)]
struct PartRow {
    target_id: EventIdColumn,
    sender_nid: i64,
    events: i64,
    event_nid: i64,
    position: i64,
}

impl From<PartRow> for Part {
    fn from(row: PartRow) -> Self {
        Self {
            root: row.target_id.0,
            sender: UserNid(row.sender_nid),
            count: row.events.unsigned_abs(),
            latest: EventNid(row.event_nid),
            position: Position(row.position),
        }
    }
}

/// Lists, by sender, what was written up to a position in the threads of a room that began with
/// `roots`.
pub async fn thread_parts(conn: &mut Conn, room: RoomNid, roots: &[&EventId], until: Position) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for list in lists(roots) {
        let sql = format!(
            "select parts.target_id, parts.sender_nid, parts.events, latest.event_nid, latest.position \
             from (\
                 select room_nid, target_id, sender_nid, count(*) as events, max(position) as position \
                 from event_relations \
                 where room_nid = ? and target_id in ({}) and rel_type = 'm.thread' and position <= ? \
                 group by room_nid, target_id, sender_nid\
             ) parts \
             join event_relations latest on latest.room_nid = parts.room_nid \
                 and latest.target_id = parts.target_id and latest.rel_type = 'm.thread' \
                 and latest.position = parts.position and latest.sender_nid = parts.sender_nid",
            marks(list.len())
        );
        let mut query = sqlx::query_as::<_, PartRow>(AssertSqlSafe(sql)).bind(room.0);
        for root in &list {
            query = query.bind(root.as_bytes());
        }
        parts.extend(query.bind(until.0).fetch_all(&mut *conn).await?.into_iter().map(Part::from));
    }
    Ok(parts)
}

/// Whether `sender` has annotated an event with `key` by an event of type `kind`.
pub async fn has_annotation(
    conn: &mut Conn,
    room: RoomNid,
    target: &EventId,
    sender: UserNid,
    kind: &str,
    key: &str,
) -> Result<bool> {
    let found = sqlx::query_scalar!(
        "select event_nid
         from event_relations
         where room_nid = ? and target_id = ? and rel_type = 'm.annotation' and sender_nid = ? and type = ?
               and aggregation_key = ?
         limit 1",
        room,
        target.as_str(),
        sender,
        kind,
        key
    );
    Ok(found.fetch_optional(conn).await?.is_some())
}
