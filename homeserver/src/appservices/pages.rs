//! Reads the log page by page: from the tail, and from storage what is older.

use std::sync::Arc;

use ruma::OwnedDeviceId;

use super::Sources;
use crate::{
    Result,
    event::Event,
    storage::{
        events,
        numbers::{Position, UserNid},
        streams, to_device,
    },
    tail::{Fact, Receipt},
};

/// Events that are looked at for one transaction, at most.
const EVENTS: usize = 500;

/// A part of the log.
#[derive(Debug)]
pub(super) struct Page {
    /// The events, oldest first.
    pub(super) events: Vec<Arc<Event>>,
    /// The receipts, with their places. Those that are not in the tail any more are passed over.
    pub(super) receipts: Vec<(Position, Arc<Receipt>)>,
    /// Messages to devices, oldest first.
    pub(super) to_device: Vec<Message>,
    /// Users whose devices or keys changed.
    pub(super) device_lists: Vec<UserNid>,
    /// Where it ends.
    pub(super) until: Position,
}

/// A message to a device.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) position: Position,
    pub(super) user: UserNid,
    pub(super) device_id: OwnedDeviceId,
    /// Sender, type and content.
    pub(super) json: Arc<str>,
}

impl Page {
    /// What comes after `since`, at least up to `head` unless there is much.
    pub(super) async fn read(sources: &Sources, since: Position, head: Position) -> Result<Self> {
        if let Some(page) = Self::of_tail(sources, since) {
            return Ok(page);
        }
        let mut conn = sources.storage.conn().await?;
        let stored = events::log(&mut conn, since, head, EVENTS).await?;
        let is_end = stored.len() < EVENTS;
        let events =
            stored.into_iter().map(|stored| sources.rooms.events().admit(stored)).collect::<Result<Vec<_>>>()?;
        let last = events.last().and_then(|event| event.position());
        let until = last.filter(|_| !is_end).unwrap_or(head);
        let messages = to_device::list_all(&mut conn, since, until).await?;
        let message = |(user, device_id, message): (_, _, to_device::WaitingMessage)| Message {
            position: message.position,
            user,
            device_id,
            json: message.json.into(),
        };
        let to_device = messages.into_iter().map(message).collect();
        let device_lists = streams::device_lists_since(&mut conn, since, until).await?;
        Ok(Self { events, receipts: Vec::new(), to_device, device_lists, until })
    }

    fn of_tail(sources: &Sources, since: Position) -> Option<Self> {
        let tail = sources.tail.view();
        if !tail.reaches(since) {
            return None;
        }
        let (mut events, mut receipts, mut until) = (Vec::new(), Vec::new(), tail.head());
        for entry in tail.in_rooms(since) {
            match &entry.fact {
                Fact::Event(event) => events.push(event.clone()),
                Fact::Receipt(receipt) => receipts.push((entry.position, receipt.clone())),
                _ => {}
            }
            if events.len() >= EVENTS {
                until = entry.position;
                break;
            }
        }
        let messages = tail.to_device(since).take_while(|(position, _)| *position <= until);
        let to_device = messages
            .map(|(position, message)| Message {
                position,
                user: message.user,
                device_id: message.device_id.clone(),
                json: message.json.clone(),
            })
            .collect();
        Some(Self { events, receipts, to_device, device_lists: tail.device_lists(since).collect(), until })
    }
}
