//! Stored states of rooms: how they are read, and how their entries are packed into bytes.

use sqlx::AssertSqlSafe;

use super::{
    Conn,
    bulk::{lists, marks},
    log::rows::SnapshotRow,
    numbers::{EventNid, RoomNid, SnapshotNid, StateKeyNid},
};
use crate::{Error, Result};

/// What stands at a state key; none if nothing does any more.
pub type Entry = (StateKeyNid, Option<EventNid>);

/// Finds a stored state.
pub async fn find(conn: &mut Conn, nid: SnapshotNid) -> Result<Option<SnapshotRow>> {
    let row =
        sqlx::query!("select room_nid, parent_nid, level, entries from state_snapshots where snapshot_nid = ?", nid)
            .fetch_optional(conn)
            .await?;
    Ok(row.map(|row| SnapshotRow {
        nid,
        room: RoomNid(row.room_nid),
        parent: row.parent_nid.map(SnapshotNid),
        level: row.level,
        entries: row.entries,
    }))
}

/// Lists stored states, in no particular order.
pub async fn list(conn: &mut Conn, nids: &[SnapshotNid]) -> Result<Vec<SnapshotRow>> {
    let mut rows = Vec::with_capacity(nids.len());
    for list in lists(nids) {
        let sql = format!(
            "select snapshot_nid, room_nid, parent_nid, level, entries from state_snapshots where snapshot_nid in ({})",
            marks(list.len())
        );
        let mut query = sqlx::query_as::<_, (i64, i64, Option<i64>, i8, Vec<u8>)>(AssertSqlSafe(sql));
        for nid in list {
            query = query.bind(nid.0);
        }
        let found = query.fetch_all(&mut *conn).await?;
        rows.extend(found.into_iter().map(|(nid, room, parent, level, entries)| SnapshotRow {
            nid: SnapshotNid(nid),
            room: RoomNid(room),
            parent: parent.map(SnapshotNid),
            level,
            entries,
        }));
    }
    Ok(rows)
}

/// Packs `entries`, which are sorted by their keys.
///
/// An entry is two numbers: how far its key is from the key before it, and how far its event is from
/// the event before it, with the sign in the lowest bit. A removal stands for event 0, and the next
/// event is counted from the one before. Each number takes seven bits per byte, the lowest first, and
/// the eighth bit says that more follow. That is about a third of what the plain numbers would take.
pub fn pack(entries: impl IntoIterator<Item = Entry>) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut last = Last::default();
    for (key, event) in entries {
        let number = event.map_or(0, |event| event.0);
        push(&mut packed, key.0.wrapping_sub(last.key).cast_unsigned());
        push(&mut packed, zigzag(number.wrapping_sub(last.event)));
        last.advance(key, event);
    }
    packed
}

/// Reads what [`pack`] made, in the order of the keys.
pub fn unpack(packed: &[u8]) -> Unpack<'_> {
    Unpack { rest: packed, last: Last::default() }
}

/// The entries of a stored state; see [`unpack`].
#[derive(Debug)]
pub struct Unpack<'a> {
    rest: &'a [u8],
    last: Last,
}

impl Unpack<'_> {
    fn entry(&mut self) -> Option<Entry> {
        let key = StateKeyNid(self.last.key.wrapping_add(pull(&mut self.rest)?.cast_signed()));
        let number = self.last.event.wrapping_add(unzigzag(pull(&mut self.rest)?));
        let event = (number != 0).then_some(EventNid(number));
        self.last.advance(key, event);
        Some((key, event))
    }
}

impl Iterator for Unpack<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.entry();
        if entry.is_none() {
            self.rest = &[];
        }
        Some(entry.ok_or_else(|| Error::internal("a stored state is cut short")))
    }
}

/// What the next entry is counted from.
#[derive(Debug, Default)]
struct Last {
    key: i64,
    event: i64,
}

impl Last {
    fn advance(&mut self, key: StateKeyNid, event: Option<EventNid>) {
        self.key = key.0;
        if let Some(event) = event {
            self.event = event.0;
        }
    }
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

fn push(packed: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        packed.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    packed.push(number as u8);
}

/// Takes a number off the front; none if the bytes end within it.
fn pull(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, others) = rest.split_first()?;
        *rest = others;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests;
