//! Reads pages of relations: an event's children, a room's threads, events that others relate to.

use ruma::{EventId, OwnedEventId};
use sqlx::{Encode, MySql, QueryBuilder, Type};

use crate::{
    Result,
    storage::{
        Conn,
        codec::EventIdColumn,
        events::Range,
        numbers::{EventNid, Position, RoomNid, UserNid},
    },
};

/// At most so many parents go into one `in (…)` list.
const LIST: usize = 500;

/// Which children are meant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Which<'a> {
    /// Those with this relation type.
    pub rel_type: Option<&'a str>,
    /// Those with this event type.
    pub kind: Option<&'a str>,
}

impl Which<'_> {
    fn push(self, query: &mut QueryBuilder<MySql>) {
        if let Some(rel_type) = self.rel_type {
            query.push(" and relations.rel_type = ").push_bind(rel_type.as_bytes());
        }
        if let Some(kind) = self.kind {
            query.push(" and relations.type = ").push_bind(kind.as_bytes());
        }
    }
}

/// Lists a page of an event's children, with their positions.
pub async fn page(
    conn: &mut Conn,
    room: RoomNid,
    parent: &EventId,
    which: Which<'_>,
    range: Range,
    limit: usize,
) -> Result<Vec<(EventNid, Position)>> {
    let mut query =
        QueryBuilder::new("select event_nid, position from event_relations relations where relations.room_nid = ");
    query.push_bind(room.0).push(" and relations.target_id = ").push_bind(parent.as_bytes());
    which.push(&mut query);
    push_range(&mut query, "relations.position", range, limit);
    let rows: Vec<(i64, i64)> = query.build_query_as().fetch_all(conn).await?;
    Ok(rows.into_iter().map(|(nid, position)| (EventNid(nid), Position(position))).collect())
}

/// Lists all children of some events of a room: IDs, numbers and positions.
pub async fn children(
    conn: &mut Conn,
    room: RoomNid,
    parents: &[OwnedEventId],
    which: Which<'_>,
) -> Result<Vec<(OwnedEventId, EventNid, Position)>> {
    let mut children = Vec::new();
    for list in parents.chunks(LIST) {
        let mut query = QueryBuilder::new(
            "select events.event_id, relations.event_nid, relations.position \
             from event_relations relations \
             join events on events.event_nid = relations.event_nid \
             where relations.room_nid = ",
        );
        query.push_bind(room.0);
        push_list(&mut query, " and relations.target_id in (", list.iter().map(|parent| parent.as_bytes()));
        which.push(&mut query);
        let rows: Vec<(EventIdColumn, i64, i64)> = query.build_query_as().fetch_all(&mut *conn).await?;
        children.extend(rows.into_iter().map(|(id, nid, position)| (id.0, EventNid(nid), Position(position))));
    }
    Ok(children)
}

/// Which threads of a room are meant.
#[derive(Clone, Copy, Debug)]
pub struct Threads<'a> {
    /// Those whose newest event is before this position.
    pub before: Position,
    /// Nothing is known of what comes after this position.
    pub until: Position,
    /// Those that this user has taken part in.
    pub participant: Option<UserNid>,
    /// The people whose events do not count.
    pub ignored: &'a [UserNid],
    /// So many, at most.
    pub limit: usize,
}

/// Lists threads by their newest events, newest first: their roots, and the newest events' positions.
pub async fn threads(conn: &mut Conn, room: RoomNid, threads: Threads<'_>) -> Result<Vec<(OwnedEventId, Position)>> {
    let without_ignored = |query: &mut QueryBuilder<MySql>, condition: &'static str| {
        if !threads.ignored.is_empty() {
            push_list(query, condition, threads.ignored.iter().map(|user| user.0));
        }
    };
    let mut query = QueryBuilder::new(
        "select latest.target_id, latest.position \
         from event_relations latest \
         where latest.rel_type = 'm.thread' and latest.room_nid = ",
    );
    query.push_bind(room.0).push(" and latest.position < ").push_bind(threads.before.0);
    query.push(" and latest.position <= ").push_bind(threads.until.0);
    without_ignored(&mut query, " and latest.sender_nid not in (");
    // Reads one entry of the index for each reply. To look for any later one instead takes minutes in a
    // thread of fifty thousand.
    query.push(
        " and latest.position = (\
             select later.position from event_relations later \
             where later.room_nid = latest.room_nid and later.target_id = latest.target_id \
             and later.rel_type = 'm.thread' and later.position <= ",
    );
    query.push_bind(threads.until.0);
    without_ignored(&mut query, " and later.sender_nid not in (");
    query.push(" order by later.position desc limit 1)");
    if let Some(participant) = threads.participant {
        query.push(
            " and (exists (\
                 select 1 from events roots where roots.event_id = latest.target_id and roots.sender_nid = ",
        );
        query.push_bind(participant.0);
        query.push(
            ") or exists (\
                 select 1 from event_relations own \
                 where own.room_nid = latest.room_nid and own.target_id = latest.target_id \
                 and own.rel_type = 'm.thread' and own.sender_nid = ",
        );
        query.push_bind(participant.0).push("))");
    }
    query.push(" order by latest.position desc limit ");
    query.push_bind(i64::try_from(threads.limit).unwrap_or(i64::MAX));
    let rows: Vec<(EventIdColumn, i64)> = query.build_query_as().fetch_all(conn).await?;
    Ok(rows.into_iter().map(|(root, position)| (root.0, Position(position))).collect())
}

/// Lists a page of those events of a room's timeline that others relate to, by one of `rel_types` (any,
/// if empty) and from one of `senders` (anybody, if empty): their positions.
pub async fn related(
    conn: &mut Conn,
    room: RoomNid,
    rel_types: &[String],
    senders: &[UserNid],
    range: Range,
    limit: usize,
) -> Result<Vec<(EventNid, Position)>> {
    let mut query = QueryBuilder::new(
        "select targets.event_nid, targets.position \
         from (select distinct target_id from event_relations relations where relations.room_nid = ",
    );
    query.push_bind(room.0);
    if !rel_types.is_empty() {
        push_list(&mut query, " and relations.rel_type in (", rel_types.iter().map(String::as_bytes));
    }
    if !senders.is_empty() {
        push_list(&mut query, " and relations.sender_nid in (", senders.iter().map(|sender| sender.0));
    }
    query.push(") parents join events targets on targets.event_id = parents.target_id where targets.room_nid = ");
    query.push_bind(room.0);
    push_range(&mut query, "targets.position", range, limit);
    let rows: Vec<(i64, i64)> = query.build_query_as().fetch_all(conn).await?;
    Ok(rows.into_iter().map(|(nid, position)| (EventNid(nid), Position(position))).collect())
}

/// Appends the condition that `column` is in `range`, the order of `range` and the limit.
fn push_range(query: &mut QueryBuilder<MySql>, column: &'static str, range: Range, limit: usize) {
    let order = match range {
        Range::Down(below, above) => {
            query.push(" and ").push(column).push(" < ").push_bind(below.0);
            query.push(" and ").push(column).push(" > ").push_bind(above.0);
            " desc"
        }
        Range::Up(above, to) => {
            query.push(" and ").push(column).push(" > ").push_bind(above.0);
            query.push(" and ").push(column).push(" <= ").push_bind(to.0);
            " asc"
        }
    };
    query.push(" order by ").push(column).push(order);
    query.push(" limit ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
}

/// Appends a condition that ends with an opened list, the list, and its closing.
fn push_list<'a, T>(query: &mut QueryBuilder<MySql>, condition: &'static str, values: impl Iterator<Item = T>)
where
    T: 'a + Encode<'a, MySql> + Type<MySql>,
{
    query.push(condition);
    let mut list = query.separated(",");
    for value in values {
        list.push_bind(value);
    }
    query.push(")");
}
