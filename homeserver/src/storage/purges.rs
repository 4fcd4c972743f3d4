//! Deletes what was said in rooms, a piece at a time so that nobody else has to wait. State stays: what is
//! built upon it must find it.

use ruma::OwnedEventId;
use sqlx::QueryBuilder;

use super::{
    Conn,
    codec::EventIdColumn,
    numbers::{EventNid, Position, RoomNid},
};
use crate::Result;

/// Events that are deleted at a time.
const PIECE: u32 = 200;
/// Rows of other tables that are deleted at a time.
const ROWS: u32 = 5000;

/// An event that is to be deleted.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are columns of `events`")]
pub struct Doomed {
    pub nid: EventNid,
    pub id: OwnedEventId,
    pub position: Position,
    /// Whether a user of this server sent it.
    pub is_local: bool,
}

/// Lists some events of a room's timeline, from after one position to another, that are no state.
pub async fn list(conn: &mut Conn, room: RoomNid, after: Position, until: Position) -> Result<Vec<Doomed>> {
    let rows = sqlx::query!(
        "select event_nid, event_id as `event_id: EventIdColumn`, position as `position!`,
                accounts.user_nid is not null as `is_local!: bool`
         from events
         left join accounts on accounts.user_nid = sender_nid
         where room_nid = ? and position > ? and position <= ? and state_key_nid is null
         order by position
         limit ?",
        room,
        after,
        until,
        PIECE
    )
    .fetch_all(conn)
    .await?;
    let doomed = rows.into_iter().map(|row| Doomed {
        nid: EventNid(row.event_nid),
        id: row.event_id.0,
        position: Position(row.position),
        is_local: row.is_local,
    });
    Ok(doomed.collect())
}

/// Deletes events with what is noted of them by their numbers and IDs.
pub async fn delete(conn: &mut Conn, events: &[Doomed]) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    for head in ["delete from event_relations where event_nid in (", "delete from events where event_nid in ("] {
        let mut query = QueryBuilder::new(head);
        let mut list = query.separated(",");
        for event in events {
            list.push_bind(event.nid.0);
        }
        query.push(")");
        query.build().execute(&mut *conn).await?;
    }
    let mut query = QueryBuilder::new("delete from redactions where target_id in (");
    let mut list = query.separated(",");
    for event in events {
        list.push_bind(event.id.as_bytes());
    }
    query.push(")");
    query.build().execute(conn).await?;
    Ok(())
}

/// Deletes words of what was said in a room up to a position; returns whether there may be more.
pub async fn delete_words(conn: &mut Conn, room: RoomNid, until: Position) -> Result<bool> {
    let words =
        sqlx::query!("delete from search_words where room_nid = ? and position <= ? limit ?", room, until, ROWS)
            .execute(&mut *conn)
            .await?;
    let texts =
        sqlx::query!("delete from search_texts where room_nid = ? and position <= ? limit ?", room, until, ROWS)
            .execute(conn)
            .await?;
    Ok(words.rows_affected() > 0 || texts.rows_affected() > 0)
}

/// Deletes who has read what in a room; returns whether there may be more.
pub async fn delete_receipts(conn: &mut Conn, room: RoomNid) -> Result<bool> {
    let done = sqlx::query!("delete from receipts where room_nid = ? limit ?", room, ROWS);
    Ok(done.execute(conn).await?.rows_affected() > 0)
}

/// Lists some state events of a room after a number that are not redacted, in the order of numbers.
pub async fn list_state(conn: &mut Conn, room: RoomNid, after: EventNid) -> Result<Vec<EventNid>> {
    // The auth graph has every state event of a room, and is clustered by room.
    let events = sqlx::query_scalar!(
        "select event_auth.event_nid
         from event_auth
         join events on events.event_nid = event_auth.event_nid
         where event_auth.room_nid = ? and event_auth.event_nid > ? and flags & 8 = 0
         order by event_auth.event_nid
         limit ?",
        room,
        after,
        PIECE
    );
    Ok(events.fetch_all(conn).await?.into_iter().map(EventNid).collect())
}
