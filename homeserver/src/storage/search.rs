//! The words of events, and the events that have some words.

use sqlx::{Arguments, FromRow, MySql, QueryBuilder};

use super::{
    Conn,
    bulk::Insert,
    codec::Text,
    numbers::{EventNid, Position, RoomNid},
};
use crate::Result;

/// At most so many rooms go into one statement.
const ROOMS: usize = 500;

/// What a word was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A message's body.
    Body = 1,
    /// A room's name.
    Name = 2,
    /// A room's topic.
    Topic = 3,
}

/// A word of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordRow {
    /// The room.
    pub room: RoomNid,
    /// The event's position.
    pub position: Position,
    /// What the word was read from.
    pub field: Field,
    /// The word; at most 64 characters.
    pub word: String,
    /// Its share of all words of the event, in thousandths.
    pub weight: i16,
}

/// All words of an event, separated by spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextRow {
    /// The room.
    pub room: RoomNid,
    /// The event's position.
    pub position: Position,
    /// The words.
    pub words: String,
}

/// Inserts the words of events.
pub async fn insert(conn: &mut Conn, texts: &[TextRow], words: &[WordRow]) -> Result<()> {
    TEXTS
        .run_weighed(
            conn,
            texts,
            |row| row.words.len(),
            |row, to| {
                to.add(row.room)?;
                to.add(row.position)?;
                to.add(row.words.as_bytes())
            },
        )
        .await?;
    WORDS
        .run(conn, words, |row, to| {
            to.add(row.room)?;
            to.add(&row.word)?;
            to.add(row.position)?;
            to.add(row.field as i8)?;
            to.add(row.weight)
        })
        .await?;
    Ok(())
}

/// Deletes the words of an event.
pub async fn delete(conn: &mut Conn, room: RoomNid, position: Position) -> Result<()> {
    let text = sqlx::query_scalar!(
        "select words as `words: Text` from search_texts where room_nid = ? and position = ?",
        room,
        position
    );
    let Some(text) = text.fetch_optional(&mut *conn).await? else { return Ok(()) };
    for word in text.0.split_ascii_whitespace() {
        sqlx::query!("delete from search_words where room_nid = ? and word = ? and position = ?", room, word, position)
            .execute(&mut *conn)
            .await?;
    }
    sqlx::query!("delete from search_texts where room_nid = ? and position = ?", room, position).execute(conn).await?;
    Ok(())
}

/// An event of the log that has words, or takes words away.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The event.
    pub nid: EventNid,
    /// Its position.
    pub position: Position,
}

/// Lists the events to be read after `since`, up to `until`, oldest first.
pub async fn entries_after(conn: &mut Conn, since: Position, until: Position, limit: i64) -> Result<Vec<Entry>> {
    let rows = sqlx::query!(
        "select event_nid, position as `position!`
         from events
         where position > ? and position <= ?
               and type in ('m.room.message', 'm.room.name', 'm.room.topic', 'm.room.redaction')
         order by position
         limit ?",
        since,
        until,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| Entry { nid: EventNid(row.event_nid), position: Position(row.position) }).collect())
}

/// Lists the events to be read before `until`, newest first.
pub async fn entries_before(conn: &mut Conn, until: Position, limit: i64) -> Result<Vec<Entry>> {
    let rows = sqlx::query!(
        "select event_nid, position as `position!`
         from events
         where position < ?
               and type in ('m.room.message', 'm.room.name', 'm.room.topic', 'm.room.redaction')
         order by position desc
         limit ?",
        until,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| Entry { nid: EventNid(row.event_nid), position: Position(row.position) }).collect())
}

/// An event that has all the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// The room.
    pub room: RoomNid,
    /// The event's position.
    pub position: Position,
    /// The sum of the words' weights.
    pub weight: i64,
}

#[derive(FromRow)]
struct MatchRow {
    room_nid: i64,
    position: i64,
    weight: i64,
}

impl From<MatchRow> for Match {
    fn from(row: MatchRow) -> Self {
        Self { room: RoomNid(row.room_nid), position: Position(row.position), weight: row.weight }
    }
}

/// In which order events are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    Recent,
    /// Those first of which the words are the larger part.
    Rank,
}

/// Which events are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The words that they have, all of them; at least one.
    pub words: &'a [String],
    /// The rooms they are in, each up to a position.
    pub rooms: &'a [(RoomNid, Position)],
    /// What the words may have been read from; anything, if empty.
    pub fields: &'a [Field],
    /// Their order.
    pub order: Order,
    /// The one after which they come.
    pub after: Option<Match>,
}

/// Finds up to `limit` events.
pub async fn find(conn: &mut Conn, wanted: Wanted<'_>, limit: usize) -> Result<Vec<Match>> {
    let mut matches: Vec<Match> = Vec::new();
    for rooms in wanted.rooms.chunks(ROOMS) {
        let wanted = Wanted { rooms, ..wanted };
        let sum: Vec<String> = (0..wanted.words.len()).map(|number| format!("w{number}.weight")).collect();
        let sum = sum.join(" + ");
        let mut query = QueryBuilder::new(format!("select w0.room_nid, w0.position, cast({sum} as signed) as weight "));
        push_condition(&mut query, wanted);
        if let Some(after) = wanted.after {
            match wanted.order {
                Order::Recent => query.push(" and w0.position < ").push_bind(after.position.0),
                Order::Rank => query
                    .push(format!(" and ({sum} < "))
                    .push_bind(after.weight)
                    .push(format!(" or ({sum} = "))
                    .push_bind(after.weight)
                    .push(" and w0.position < ")
                    .push_bind(after.position.0)
                    .push("))"),
            };
        }
        query.push(match wanted.order {
            Order::Recent => " order by w0.position desc limit ",
            Order::Rank => " order by weight desc, w0.position desc limit ",
        });
        query.push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows: Vec<MatchRow> = query.build_query_as().persistent(false).fetch_all(&mut *conn).await?;
        matches.extend(rows.into_iter().map(Match::from));
    }
    match wanted.order {
        Order::Recent => matches.sort_unstable_by_key(|found| std::cmp::Reverse(found.position)),
        Order::Rank => matches.sort_unstable_by_key(|found| std::cmp::Reverse((found.weight, found.position))),
    }
    matches.truncate(limit);
    Ok(matches)
}

/// Counts the events.
pub async fn count(conn: &mut Conn, wanted: Wanted<'_>) -> Result<u64> {
    let mut count = 0;
    for rooms in wanted.rooms.chunks(ROOMS) {
        let mut query = QueryBuilder::new("select count(*) ");
        push_condition(&mut query, Wanted { rooms, ..wanted });
        count += query.build_query_scalar::<i64>().persistent(false).fetch_one(&mut *conn).await?.unsigned_abs();
    }
    Ok(count)
}

/// Appends from where, and on which conditions. The first word decides what is read.
fn push_condition(query: &mut QueryBuilder<MySql>, wanted: Wanted<'_>) {
    let Some((first, others)) = wanted.words.split_first() else { return };
    query.push("from search_words w0 ");
    for (number, word) in (1..).zip(others) {
        query.push(format!(
            "straight_join search_words w{number} on w{number}.room_nid = w0.room_nid \
             and w{number}.position = w0.position and w{number}.word = "
        ));
        query.push_bind(word.clone()).push(" ");
    }
    query.push("where (");
    let mut alternatives = query.separated(" or ");
    for (room, until) in wanted.rooms {
        alternatives.push("(w0.room_nid = ").push_bind_unseparated(room.0);
        alternatives.push_unseparated(" and w0.word = ").push_bind_unseparated(first.clone());
        alternatives.push_unseparated(" and w0.position <= ").push_bind_unseparated(until.0).push_unseparated(")");
    }
    query.push(")");
    if !wanted.fields.is_empty() {
        query.push(" and w0.field in (");
        let mut list = query.separated(",");
        for field in wanted.fields {
            list.push_bind(*field as i8);
        }
        query.push(")");
    }
}

const TEXTS: Insert = Insert {
    head: "insert into search_texts (room_nid, position, words) values",
    columns: 3,
    tail: "on duplicate key update words = values(words)",
};
const WORDS: Insert = Insert {
    head: "insert into search_words (room_nid, word, position, field, weight) values",
    columns: 5,
    // Words that differ in accents only are one.
    tail: "on duplicate key update weight = greatest(weight, values(weight))",
};
