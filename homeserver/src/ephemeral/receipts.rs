//! How far people have read: receipts and fully-read markers. Client-server API, "Receipts" and
//! "Fully read markers".

mod content;

use std::{collections::HashMap, sync::Arc};

use ruma::{EventId, OwnedEventId, RoomId};
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;

pub use self::content::{content_of, content_where};
use super::{
    Nudges,
    threads::{self, MAIN},
};
use crate::{
    Error, Result,
    accounts::User,
    clock::Clock,
    event::Event,
    rooms::{Rooms, view::View},
    storage::{
        Storage, account_data,
        log::rows::{AccountDataRow, ReceiptRow, Rows},
        numbers::{Position, RoomNid, UserNid},
        receipts::{self, PRIVATE, PUBLIC},
    },
    tail::{AccountData, Fact, Job, Log, Receipt},
};

/// The type of account data that holds fully-read markers.
const FULLY_READ: &str = "m.fully_read";

/// The content of `m.fully_read`.
#[derive(Serialize, Deserialize)]
struct FullyRead {
    event_id: OwnedEventId,
}

/// What a user says they have read.
#[derive(Clone, Debug, Default)]
pub struct Markers {
    /// For everybody to see.
    pub read: Option<OwnedEventId>,
    /// For nobody else to see.
    pub read_private: Option<OwnedEventId>,
    /// The thread that is meant by these two: a root's event ID, `main`, or none for the whole room.
    pub thread: Option<String>,
    /// Where they have read everything before.
    pub fully_read: Option<OwnedEventId>,
}

/// Receipts of all rooms.
#[derive(Clone, Debug)]
pub struct Receipts {
    storage: Storage,
    log: Log,
    rooms: Rooms,
    clock: Clock,
    nudges: Nudges,
}

impl Receipts {
    /// The receipts that are stored in `storage` and written through `log`.
    pub fn new(storage: Storage, log: Log, rooms: Rooms, clock: Clock, nudges: Nudges) -> Self {
        Self { storage, log, rooms, clock, nudges }
    }

    /// Moves a user's markers forward. Those that would go back stay where they are.
    pub async fn mark(&self, user: &User, room_id: &RoomId, markers: Markers) -> Result<()> {
        let view = self.rooms.joined(user, room_id).await?;
        let thread = markers.thread.as_deref().unwrap_or_default();
        if markers.thread.is_some() && markers.fully_read.is_some() {
            return Err(Error::invalid_param("A fully-read marker is for the whole room: thread_id is not allowed."));
        }
        let mut receipts = Vec::new();
        for (event_id, is_private) in [(&markers.read, false), (&markers.read_private, true)] {
            let Some(event_id) = event_id else { continue };
            let (event, event_position) = self.event(&view, event_id).await?;
            if let Some(thread) = &markers.thread {
                self.check_thread(&event, thread).await?;
            }
            receipts.push(Receipt {
                room: view.nid,
                user: user.nid,
                user_id: user.id.clone(),
                is_private,
                thread: thread.to_owned(),
                event_id: event_id.clone(),
                event_position,
                ts_ms: self.clock.now_ms(),
            });
        }
        self.keep_those_ahead(&mut receipts).await?;
        let fully_read = match &markers.fully_read {
            Some(event_id) => self.fully_read(&view, user, event_id).await?,
            None => None,
        };
        self.append(&view, receipts, fully_read).await
    }

    /// All receipts of some rooms that `reader` may see, oldest first, from storage.
    pub async fn of_rooms(&self, rooms: &[RoomNid], reader: UserNid) -> Result<HashMap<RoomNid, Vec<Arc<Receipt>>>> {
        let rows = receipts::list_in(&mut *self.storage.conn().await?, rooms, reader).await?;
        let mut by_room: HashMap<RoomNid, Vec<Arc<Receipt>>> = HashMap::new();
        for receipt in self.named(rows).await? {
            by_room.entry(receipt.room).or_default().push(receipt);
        }
        Ok(by_room)
    }

    /// The receipts of a room that `reader` may see and that came after `since`, oldest first, from
    /// storage.
    pub async fn since(&self, room: RoomNid, reader: UserNid, since: Position) -> Result<Vec<Arc<Receipt>>> {
        let rows = receipts::list(&mut *self.storage.conn().await?, room, reader, since).await?;
        self.named(rows).await
    }

    async fn named(&self, rows: Vec<ReceiptRow>) -> Result<Vec<Arc<Receipt>>> {
        let users: Vec<UserNid> = rows.iter().map(|row| row.user).collect();
        let user_ids = self.storage.user_ids(&users).await?;
        let receipt = |(row, user_id): (ReceiptRow, _)| Receipt {
            room: row.room,
            user: row.user,
            user_id,
            is_private: row.kind == PRIVATE,
            thread: row.thread,
            event_id: row.event_id,
            event_position: row.event_position,
            ts_ms: row.ts,
        };
        Ok(rows.into_iter().zip(user_ids).map(|pair| Arc::new(receipt(pair))).collect())
    }

    /// An event of the room's timeline, and where it stands.
    async fn event(&self, view: &View, event_id: &EventId) -> Result<(Arc<Event>, Position)> {
        let event = self.rooms.events().find(event_id).await?.filter(|event| event.room_nid == view.nid);
        let placed = event.and_then(|event| event.position().map(|position| (event, position)));
        placed.ok_or_else(|| Error::not_found("There is no such event in this room."))
    }

    async fn check_thread(&self, event: &Arc<Event>, thread: &str) -> Result<()> {
        let ancestry = threads::ancestry(self.rooms.events(), event).await?;
        let is_related = match <&EventId>::try_from(thread) {
            _ if thread == MAIN => ancestry.thread.is_none(),
            Ok(root) => ancestry.may_be_read_in(root),
            Err(_) => return Err(Error::invalid_param("thread_id is neither an event ID nor \"main\".")),
        };
        if is_related { Ok(()) } else { Err(Error::invalid_param("The event does not belong to that thread.")) }
    }

    async fn keep_those_ahead(&self, receipts: &mut Vec<Receipt>) -> Result<()> {
        let Some(first) = receipts.first() else { return Ok(()) };
        let marks = receipts::marks(&mut *self.storage.conn().await?, first.room, first.user).await?;
        receipts.retain(|receipt| {
            let mut same = marks.iter().filter(|mark| mark.kind == kind(receipt) && mark.thread == receipt.thread);
            same.all(|mark| mark.event_position < receipt.event_position)
        });
        Ok(())
    }

    /// The new fully-read marker, if it is ahead of the present one.
    async fn fully_read(&self, view: &View, user: &User, event_id: &EventId) -> Result<Option<AccountData>> {
        let (_, position) = self.event(view, event_id).await?;
        let stored = account_data::find(&mut *self.storage.conn().await?, user.nid, Some(view.nid), FULLY_READ).await?;
        if let Some(present) = stored.and_then(|content| serde_json::from_str::<FullyRead>(&content).ok()) {
            let present = present.event_id;
            let present = self.rooms.events().find(&present).await?.and_then(|event| event.position());
            if present.is_some_and(|present| present >= position) {
                return Ok(None);
            }
        }
        let content = to_raw_value(&FullyRead { event_id: event_id.to_owned() }).map_err(anyhow::Error::from)?;
        Ok(Some(AccountData { user: user.nid, room: Some(view.nid), kind: FULLY_READ.to_owned(), content }))
    }

    async fn append(&self, view: &View, receipts: Vec<Receipt>, fully_read: Option<AccountData>) -> Result<()> {
        let Some(user) = receipts.first().map(|receipt| receipt.user).or(fully_read.as_ref().map(|data| data.user))
        else {
            return Ok(());
        };
        let rows = Rows {
            receipts: receipts.iter().map(receipt_row).collect(),
            account_data: fully_read.iter().map(account_data_row).collect(),
            ..Rows::default()
        };
        let is_public = receipts.iter().any(|receipt| !receipt.is_private);
        let local = view.local.clone();
        let publish = Box::new(move |tail: &mut crate::tail::Inner, first: Position| {
            let receipts = receipts.into_iter().map(|receipt| Fact::Receipt(Arc::new(receipt)));
            let fully_read = fully_read.into_iter().map(|data| Fact::AccountData(Arc::new(data)));
            for (index, fact) in receipts.chain(fully_read).enumerate() {
                tail.push(first.after(index), fact);
            }
            tail.wake(user);
        });
        self.log.append(Job { rows, broken: None, publish }).await?;
        if is_public {
            self.nudges.wake(local.iter());
        }
        Ok(())
    }
}

fn kind(receipt: &Receipt) -> i8 {
    if receipt.is_private { PRIVATE } else { PUBLIC }
}

fn receipt_row(receipt: &Receipt) -> ReceiptRow {
    ReceiptRow {
        room: receipt.room,
        user: receipt.user,
        kind: kind(receipt),
        thread: receipt.thread.clone(),
        event_id: receipt.event_id.clone(),
        event_position: receipt.event_position,
        ts: receipt.ts_ms,
        position: Position::ZERO,
    }
}

fn account_data_row(data: &AccountData) -> AccountDataRow {
    AccountDataRow {
        user: data.user,
        room: data.room.unwrap_or(RoomNid(0)),
        kind: data.kind.clone(),
        content: data.content.get().as_bytes().to_vec(),
        position: Position::ZERO,
    }
}
