//! Reads which events authorise which. Writing it is the log's.

use sqlx::{FromRow, QueryBuilder};

use super::{
    Conn,
    numbers::{EventNid, RoomNid},
};
use crate::Result;

/// At most so many keys go into one `in (…)` list.
const LIST: usize = 500;

/// A state event, and the events it is authorised by.
#[derive(Clone, Debug)]
pub struct AuthRow {
    /// The state event.
    pub event: EventNid,
    /// Those of its `auth_events` that are known.
    pub auth: Vec<EventNid>,
}

#[derive(FromRow)]
struct Row {
    event_nid: i64,
    auth_nids: Vec<u8>,
}

impl From<Row> for AuthRow {
    fn from(row: Row) -> Self {
        let (numbers, _) = row.auth_nids.as_chunks();
        let auth = numbers.iter().map(|number| EventNid(i64::from_be_bytes(*number))).collect();
        Self { event: EventNid(row.event_nid), auth }
    }
}

/// Lists all state events of `room`, in no particular order.
pub async fn list(conn: &mut Conn, room: RoomNid) -> Result<Vec<AuthRow>> {
    let rows = sqlx::query_as!(Row, "select event_nid, auth_nids from event_auth where room_nid = ?", room)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Lists those of `events` that are state events of `room`, in no particular order.
pub async fn list_some(conn: &mut Conn, room: RoomNid, events: &[EventNid]) -> Result<Vec<AuthRow>> {
    let mut found = Vec::with_capacity(events.len());
    for chunk in events.chunks(LIST) {
        let mut query = QueryBuilder::new("select event_nid, auth_nids from event_auth where room_nid = ");
        query.push_bind(room.0).push(" and event_nid in (");
        let mut list = query.separated(",");
        for event in chunk {
            list.push_bind(event.0);
        }
        query.push(")");
        let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *conn).await?;
        found.extend(rows.into_iter().map(AuthRow::from));
    }
    Ok(found)
}
