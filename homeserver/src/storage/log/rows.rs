//! The rows that one job or one batch writes, and the positions that they take.

mod kinds;
mod write;

use ruma::{OwnedDeviceId, OwnedEventId};

pub use self::kinds::{
    AccountDataRow, CurrentStateRow, DeviceListRow, EventRow, HeadRow, MemberRow, OutgoingToDeviceRow, ReceiptRow,
    RedactedRow, RelationRow, RoomRow, SnapshotRow, StrippedStateRow, ToDeviceRow, ToDeviceTransactionRow,
    TransactionRow,
};
use crate::storage::{
    keys::changes::KeyChange,
    numbers::{EventNid, Position, RoomNid, StateKeyNid, UserNid},
};

/// Rows of many tables. Those of `events`, `receipts`, `account_data`, `to_device`, `device_lists`
/// and `outgoing_to_device` take one position each, in this order (events outside the timeline take
/// none).
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Events, in the order in which clients see them.
    pub events: Vec<EventRow>,
    /// Read receipts.
    pub receipts: Vec<ReceiptRow>,
    /// Account data.
    pub account_data: Vec<AccountDataRow>,
    /// Messages between devices.
    pub to_device: Vec<ToDeviceRow>,
    /// Users whose devices or keys changed.
    pub device_lists: Vec<DeviceListRow>,
    /// Messages to devices of other servers.
    pub outgoing_to_device: Vec<OutgoingToDeviceRow>,

    /// New rooms.
    pub rooms: Vec<RoomRow>,
    /// Where rooms end now; the last of a room counts.
    pub heads: Vec<HeadRow>,
    /// New states.
    pub snapshots: Vec<SnapshotRow>,
    /// Changes of current states.
    pub current_state: Vec<CurrentStateRow>,
    /// Removals from current states, where a resolution took entries away.
    pub removed_state: Vec<(RoomNid, StateKeyNid)>,
    /// Changes of memberships.
    pub members: Vec<MemberRow>,
    /// Rooms that everybody may join or read now, or not any more.
    pub open_rooms: Vec<(RoomNid, bool)>,
    /// What the invited may see.
    pub stripped_state: Vec<StrippedStateRow>,
    /// Relations of the events.
    pub relations: Vec<RelationRow>,
    /// Redactions among the events.
    pub redactions: Vec<(OwnedEventId, EventNid)>,
    /// Events whose stored form is replaced by its redacted form.
    pub redacted: Vec<RedactedRow>,
    /// Requests that were carried out.
    pub transactions: Vec<TransactionRow>,
    /// Requests to send messages to devices that were carried out.
    pub to_device_transactions: Vec<ToDeviceTransactionRow>,
    /// The changes that `device_lists` tell of.
    pub keys: Vec<KeyChange>,
    /// Devices that are deleted with everything that belongs to them.
    pub ended_devices: Vec<(UserNid, OwnedDeviceId)>,
}

impl Rows {
    /// How many positions these rows take.
    pub fn positions(&self) -> usize {
        self.events.iter().filter(|event| event.is_news).count()
            + self.receipts.len()
            + self.account_data.len()
            + self.to_device.len()
            + self.device_lists.len()
            + self.outgoing_to_device.len()
    }

    /// Gives out positions from `next` on; returns the first that is left.
    pub(super) fn assign(&mut self, next: Position) -> Position {
        let mut next = next;
        let mut take = || {
            let position = next;
            next = next.after(1);
            position
        };
        let mut last = Position::ZERO;
        for event in self.events.iter_mut().filter(|event| event.is_news) {
            last = take();
            event.position = Some(last);
            for member in self.members.iter_mut().filter(|member| member.event == event.nid) {
                member.position = last;
            }
            for relation in self.relations.iter_mut().filter(|relation| relation.event == event.nid) {
                relation.position = last;
            }
        }
        // A resolution may bring back an older membership: that is news at this event.
        for member in self.members.iter_mut().filter(|member| member.position == Position::ZERO) {
            member.position = last;
        }
        for receipt in &mut self.receipts {
            receipt.position = take();
        }
        for account_data in &mut self.account_data {
            account_data.position = take();
        }
        for message in &mut self.to_device {
            message.position = take();
        }
        for change in &mut self.device_lists {
            change.position = take();
        }
        for message in &mut self.outgoing_to_device {
            message.position = take();
        }
        next
    }

    /// Appends the rows of a later job.
    pub fn merge(&mut self, later: Self) {
        self.events.extend(later.events);
        self.receipts.extend(later.receipts);
        self.account_data.extend(later.account_data);
        self.to_device.extend(later.to_device);
        self.device_lists.extend(later.device_lists);
        self.rooms.extend(later.rooms);
        self.outgoing_to_device.extend(later.outgoing_to_device);
        for head in later.heads {
            match self.heads.iter_mut().find(|earlier| earlier.room == head.room) {
                Some(earlier) => *earlier = HeadRow { expected: earlier.expected, ..head },
                None => self.heads.push(head),
            }
        }
        self.snapshots.extend(later.snapshots);
        self.current_state.extend(later.current_state);
        self.removed_state.extend(later.removed_state);
        self.members.extend(later.members);
        self.open_rooms.extend(later.open_rooms);
        self.stripped_state.extend(later.stripped_state);
        self.relations.extend(later.relations);
        self.redactions.extend(later.redactions);
        self.redacted.extend(later.redacted);
        self.transactions.extend(later.transactions);
        self.to_device_transactions.extend(later.to_device_transactions);
        self.keys.extend(later.keys);
        self.ended_devices.extend(later.ended_devices);
    }
}
