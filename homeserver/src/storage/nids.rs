//! Hands out numbers for new rows, taken from the database in blocks. Their order means nothing.

use std::collections::HashMap;

use tokio::sync::Mutex;

use super::Conn;
use crate::Result;

const BLOCK: i64 = 1000;

/// The numbered things that are not interned elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `EventNid`
    Event,
    /// `RoomNid`
    Room,
    /// `UserNid`
    User,
    /// `StateKeyNid`
    StateKey,
    /// `SnapshotNid`
    Snapshot,
    /// What a report is known by.
    Report,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Room => "room",
            Self::User => "user",
            Self::StateKey => "state_key",
            Self::Snapshot => "snapshot",
            Self::Report => "report",
        }
    }
}

/// Reserved numbers that are not used yet.
#[derive(Debug, Default)]
pub struct Nids {
    blocks: Mutex<HashMap<Kind, std::ops::Range<i64>>>,
}

impl Nids {
    /// Reserves `count` numbers in a row and returns the first.
    pub async fn take(&self, conn: &mut Conn, kind: Kind, count: i64) -> Result<i64> {
        // The lock is the point: while a block is fetched nobody else fetches one.
        let mut blocks = self.blocks.lock().await;
        let block = blocks.entry(kind).or_default();
        if block.end - block.start < count {
            let size = BLOCK.max(count);
            let end = reserve(conn, kind, size).await?;
            *block = end - size..end;
        }
        let first = block.start;
        block.start += count;
        Ok(first)
    }

    /// The same without a database, when the reserved block has `count` left.
    pub fn try_take(&self, kind: Kind, count: i64) -> Option<i64> {
        let mut blocks = self.blocks.try_lock().ok()?;
        let block = blocks.get_mut(&kind)?;
        if block.end - block.start < count {
            return None;
        }
        let first = block.start;
        block.start += count;
        Some(first)
    }
}

/// Reserves a block of `size` numbers; returns the number after its last.
async fn reserve(conn: &mut Conn, kind: Kind, size: i64) -> Result<i64> {
    let done =
        sqlx::query!("update id_blocks set next_id = last_insert_id(next_id + ?) where kind = ?", size, kind.name())
            .execute(conn)
            .await?;
    Ok(i64::try_from(done.last_insert_id()).expect("numbers start at one and stay far below 2^63"))
}
