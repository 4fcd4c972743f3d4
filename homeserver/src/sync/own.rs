//! The parts of the answer that are about the user alone: account data and to-device messages.

use std::{collections::HashMap, sync::Arc};

use super::{Asked, Sync, moment::Moment};
use crate::{
    Result,
    accounts::push_rules,
    json::Object,
    storage::{
        numbers::{Position, RoomNid},
        streams, to_device,
    },
    tail::Fact,
};

/// Messages for a device in one answer, at most. Client-server API, "Send-to-Device messaging".
const MESSAGES: usize = 100;

/// Account data and to-device messages.
#[derive(Debug, Default)]
pub(super) struct Own {
    global: Vec<(String, String)>,
    rooms: HashMap<RoomNid, Vec<(String, String)>>,
    /// Oldest first.
    to_device: Vec<(Position, Arc<str>)>,
    /// Whether there are more.
    has_more: bool,
}

impl Own {
    pub(super) fn is_empty(&self) -> bool {
        self.global.is_empty() && self.rooms.is_empty() && self.to_device.is_empty()
    }

    /// The account data of a room: types and contents.
    pub(super) fn of_room(&self, room: RoomNid) -> &[(String, String)] {
        self.rooms.get(&room).map_or(&[], Vec::as_slice)
    }

    /// The newest message for the device that is told, if there are more.
    pub(super) fn to_device_told(&self) -> Option<Position> {
        self.to_device.last().map(|(position, _)| *position).filter(|_| self.has_more)
    }

    fn note(&mut self, room: Option<RoomNid>, kind: String, content: String) {
        let list = match room {
            Some(room) => self.rooms.entry(room).or_default(),
            None => &mut self.global,
        };
        list.retain(|(known, _)| *known != kind);
        list.push((kind, content));
    }

    pub(super) fn write(&self, answer: &mut Object<'_>) {
        if !self.global.is_empty() {
            answer.object("account_data", |part| part.array("events", &self.global, write_account_data));
        }
        if !self.to_device.is_empty() {
            answer.object("to_device", |part| {
                part.array("events", &self.to_device, |out, (_, message)| out.push_str(message));
            });
        }
    }
}

/// Appends one piece of account data as an event.
pub(super) fn write_account_data(out: &mut String, (kind, content): &(String, String)) {
    crate::json::write_object(out, |event| {
        event.text("type", kind);
        event.raw("content", content);
    });
}

impl Sync {
    /// Gathers what is new for the user alone.
    pub(super) async fn own(&self, asked: &Asked, moment: &Moment) -> Result<Own> {
        let mut own = Own::default();
        let device_id = asked.user.device_id.as_ref();
        if let Some(facts) = &moment.own {
            for entry in facts {
                match &entry.fact {
                    Fact::AccountData(data) => {
                        own.note(data.room, data.kind.clone(), data.content.get().to_owned());
                    }
                    Fact::ToDevice(message) if Some(&message.device_id) == device_id => {
                        own.to_device.push((entry.position, message.json.clone()));
                    }
                    _ => {}
                }
            }
        } else {
            let mut conn = self.storage.conn().await?;
            let since = asked.position();
            for data in streams::account_data_since(&mut conn, asked.user.nid, since, moment.head).await? {
                // Deleted data are told to those who had them.
                if since.is_none() && data.content == "{}" {
                    continue;
                }
                own.note(data.room, data.kind, data.content);
            }
        }
        if let Some(device_id) = device_id
            && (moment.own.is_none() || asked.since.is_some_and(|since| since.to_device.is_some()))
        {
            let told = asked.since.map_or(Position::ZERO, |since| since.to_device_told());
            let mut conn = self.storage.conn().await?;
            let waiting = to_device::list(&mut conn, asked.user.nid, device_id, told, moment.head, MESSAGES + 1);
            let waiting = waiting.await?.into_iter();
            own.to_device = waiting.map(|message| (message.position, message.json.into())).collect();
        }
        own.has_more = own.to_device.len() > MESSAGES;
        own.to_device.truncate(MESSAGES);
        if asked.since.is_none() {
            // Also those who never changed a rule have rules, and what is stored may be out of date.
            let rules = self.push_rules.content(&asked.user).await?;
            own.note(None, push_rules::TYPE.to_owned(), rules.to_string());
        }
        own.global.retain(|(kind, _)| asked.filter.account_data.passes_type(kind));
        for list in own.rooms.values_mut() {
            list.retain(|(kind, _)| asked.filter.room_account_data.passes_type(kind));
        }
        own.rooms.retain(|_, list| !list.is_empty());
        Ok(own)
    }
}
