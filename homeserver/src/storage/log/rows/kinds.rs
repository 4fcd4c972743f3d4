//! One row of each table that the log writes.

use std::sync::Arc;

use ruma::{OwnedDeviceId, OwnedEventId, OwnedRoomId, OwnedServerName};

use crate::storage::numbers::{EventNid, Position, RoomNid, SnapshotNid, StateKeyNid, UserNid};

/// A row of `events`, and of `event_auth` if it is a state event.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct EventRow {
    pub nid: EventNid,
    pub id: OwnedEventId,
    pub room: RoomNid,
    pub sender: UserNid,
    pub kind: String,
    pub state_key: Option<StateKeyNid>,
    pub depth: i64,
    pub origin_server_ts: i64,
    /// Whether clients see it; it takes a position then.
    pub is_news: bool,
    pub position: Option<Position>,
    pub snapshot: Option<SnapshotNid>,
    pub flags: i32,
    pub device_id: Option<OwnedDeviceId>,
    pub txn_id: Option<String>,
    pub unsigned: Option<Arc<str>>,
    pub json: Arc<str>,
    /// The known events it is authorised by.
    pub auth: Vec<EventNid>,
}

/// A row of `rooms`.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct RoomRow {
    pub nid: RoomNid,
    pub id: OwnedRoomId,
    pub version: String,
    pub created_at: i64,
}

/// A row of `room_heads`.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct HeadRow {
    pub room: RoomNid,
    /// The number that was read; none for a new room.
    pub expected: i64,
    pub version_no: i64,
    pub snapshot: SnapshotNid,
    pub extremities: Vec<u8>,
}

/// A row of `state_snapshots`.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct SnapshotRow {
    pub nid: SnapshotNid,
    pub room: RoomNid,
    pub parent: Option<SnapshotNid>,
    pub level: i8,
    pub entries: Vec<u8>,
}

/// A row of `current_state`.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct CurrentStateRow {
    pub room: RoomNid,
    pub state_key: StateKeyNid,
    pub event: EventNid,
}

/// A row of `room_members`. Its position is that of the job's event.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct MemberRow {
    pub room: RoomNid,
    pub user: UserNid,
    pub membership: i8,
    pub event: EventNid,
    pub position: Position,
    pub is_local: bool,
}

/// A row of `stripped_state`.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct StrippedStateRow {
    pub user: UserNid,
    pub room: RoomNid,
    pub content: Vec<u8>,
}

/// A row of `event_relations`. Its position is that of its event.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct RelationRow {
    pub room: RoomNid,
    pub target: OwnedEventId,
    pub rel_type: String,
    pub position: Position,
    pub event: EventNid,
    pub sender: UserNid,
    pub kind: String,
    pub key: Option<String>,
}

/// The new form of an event that was redacted.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct RedactedRow {
    pub event: EventNid,
    pub json: Arc<str>,
    pub unsigned: Arc<str>,
    pub flags: i32,
    /// Whether it related to another event, which it does no more.
    pub has_relation: bool,
}

/// A row of `transactions`.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct TransactionRow {
    pub user: UserNid,
    pub device_id: OwnedDeviceId,
    pub room: RoomNid,
    pub txn_id: String,
    pub event_id: OwnedEventId,
    pub created_at: i64,
}

/// A row of `receipts`.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct ReceiptRow {
    pub room: RoomNid,
    pub user: UserNid,
    pub kind: i8,
    pub thread: String,
    pub event_id: OwnedEventId,
    pub event_position: Position,
    pub ts: i64,
    pub position: Position,
}

/// A row of `account_data`.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct AccountDataRow {
    pub user: UserNid,
    /// 0 for global account data.
    pub room: RoomNid,
    pub kind: String,
    pub content: Vec<u8>,
    pub position: Position,
}

/// A row of `to_device_messages`.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct ToDeviceRow {
    pub user: UserNid,
    pub device_id: OwnedDeviceId,
    pub content: Arc<str>,
    pub position: Position,
}

/// A row of `device_list_changes`.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct DeviceListRow {
    pub user: UserNid,
    pub position: Position,
}

impl DeviceListRow {
    /// A change of `user`'s devices or keys, whose position the log gives.
    pub fn new(user: UserNid) -> Self {
        Self { user, position: Position::ZERO }
    }
}

/// A row of `to_device_transactions`.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct ToDeviceTransactionRow {
    pub user: UserNid,
    pub device_id: OwnedDeviceId,
    pub event_type: String,
    pub txn_id: String,
    pub created_at: i64,
}

/// A row of `outgoing_to_device`.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct OutgoingToDeviceRow {
    pub destination: OwnedServerName,
    pub content: Arc<str>,
    pub position: Position,
}
