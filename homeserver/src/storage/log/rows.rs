//! The rows that one job or one batch writes, and the statements that write them.

use std::sync::Arc;

use ruma::{OwnedDeviceId, OwnedEventId, OwnedRoomId, OwnedServerName};
use sqlx::{Arguments, mysql::MySqlArguments};

use crate::{
    Error, Result,
    storage::{
        Conn,
        bulk::Insert,
        devices,
        keys::changes::{self, KeyChange},
        numbers::{EventNid, Position, RoomNid, SnapshotNid, StateKeyNid, UserNid},
    },
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

    /// Writes everything, one statement per table where the row counts allow.
    pub(super) async fn write(&self, conn: &mut Conn) -> Result<()> {
        ROOMS
            .run(conn, &self.rooms, |row, to| {
                to.add(row.nid)?;
                to.add(row.id.as_bytes())?;
                to.add(row.version.as_bytes())?;
                to.add(row.created_at)
            })
            .await?;
        write_heads(conn, &self.heads).await?;
        write_events(conn, &self.events).await?;
        SNAPSHOTS
            .run(conn, &self.snapshots, |row, to| {
                to.add(row.nid)?;
                to.add(row.room)?;
                to.add(row.parent)?;
                to.add(row.level)?;
                to.add(&row.entries)
            })
            .await?;
        for (room, state_key) in &self.removed_state {
            sqlx::query!("delete from current_state where room_nid = ? and state_key_nid = ?", room, state_key)
                .execute(&mut *conn)
                .await?;
        }
        CURRENT_STATE
            .run(conn, &self.current_state, |row, to| {
                to.add(row.room)?;
                to.add(row.state_key)?;
                to.add(row.event)
            })
            .await?;
        MEMBERS
            .run(conn, &self.members, |row, to| {
                to.add(row.room)?;
                to.add(row.user)?;
                to.add(row.membership)?;
                to.add(row.event)?;
                to.add(row.position)?;
                to.add(row.is_local)
            })
            .await?;
        write_open_rooms(conn, &self.open_rooms).await?;
        STRIPPED_STATE
            .run(conn, &self.stripped_state, |row, to| {
                to.add(row.user)?;
                to.add(row.room)?;
                to.add(&row.content)
            })
            .await?;
        RELATIONS
            .run(conn, &self.relations, |row, to| {
                to.add(row.room)?;
                to.add(row.target.as_bytes())?;
                to.add(row.rel_type.as_bytes())?;
                to.add(row.position)?;
                to.add(row.event)?;
                to.add(row.sender)?;
                to.add(row.kind.as_bytes())?;
                to.add(row.key.as_deref().map(str::as_bytes))
            })
            .await?;
        REDACTIONS
            .run(conn, &self.redactions, |(target, event), to| {
                to.add(target.as_bytes())?;
                to.add(event)
            })
            .await?;
        for row in &self.redacted {
            sqlx::query!(
                "update events set json = ?, unsigned_json = ?, flags = flags | ? where event_nid = ?",
                &*row.json,
                &*row.unsigned,
                row.flags,
                row.event
            )
            .execute(&mut *conn)
            .await?;
            if row.has_relation {
                sqlx::query!("delete from event_relations where event_nid = ?", row.event).execute(&mut *conn).await?;
            }
        }
        TRANSACTIONS
            .run(conn, &self.transactions, |row, to| {
                to.add(row.user)?;
                to.add(row.device_id.as_bytes())?;
                to.add(row.room)?;
                to.add(row.txn_id.as_bytes())?;
                to.add(row.event_id.as_bytes())?;
                to.add(row.created_at)
            })
            .await?;
        self.write_streams(conn).await
    }

    /// The rows that are not about events.
    async fn write_streams(&self, conn: &mut Conn) -> Result<()> {
        RECEIPTS
            .run(conn, &self.receipts, |row, to| {
                to.add(row.room)?;
                to.add(row.user)?;
                to.add(row.kind)?;
                to.add(row.thread.as_bytes())?;
                to.add(row.event_id.as_bytes())?;
                to.add(row.event_position)?;
                to.add(row.ts)?;
                to.add(row.position)
            })
            .await?;
        ACCOUNT_DATA
            .run(conn, &self.account_data, |row, to| {
                to.add(row.user)?;
                to.add(row.room)?;
                to.add(row.kind.as_bytes())?;
                to.add(&row.content)?;
                to.add(row.position)
            })
            .await?;
        self.write_to_device(conn).await?;
        changes::write(conn, &self.keys).await?;
        DEVICE_LISTS
            .run(conn, &self.device_lists, |row, to| {
                to.add(row.position)?;
                to.add(row.user)
            })
            .await?;
        // Last, so that a message to a device that ends in the same batch goes with it.
        for (user, device_id) in &self.ended_devices {
            devices::delete(conn, *user, device_id).await?;
        }
        Ok(())
    }

    async fn write_to_device(&self, conn: &mut Conn) -> Result<()> {
        TO_DEVICE_TRANSACTIONS
            .run(conn, &self.to_device_transactions, |row, to| {
                to.add(row.user)?;
                to.add(row.device_id.as_bytes())?;
                to.add(row.event_type.as_bytes())?;
                to.add(row.txn_id.as_bytes())?;
                to.add(row.created_at)
            })
            .await?;
        TO_DEVICE
            .run_weighed(
                conn,
                &self.to_device,
                |row| row.content.len(),
                |row, to| {
                    to.add(row.user)?;
                    to.add(row.device_id.as_bytes())?;
                    to.add(row.position)?;
                    to.add(row.content.as_bytes())
                },
            )
            .await?;
        OUTGOING_TO_DEVICE
            .run_weighed(
                conn,
                &self.outgoing_to_device,
                |row| row.content.len(),
                |row, to| {
                    to.add(row.destination.as_bytes())?;
                    to.add(row.position)?;
                    to.add(row.content.as_bytes())
                },
            )
            .await?;
        Ok(())
    }
}

/// Moves the heads, each only if no other process moved it since it was read.
async fn write_heads(conn: &mut Conn, heads: &[HeadRow]) -> Result<()> {
    for head in heads {
        // A new room's row must not exist; any other must stand at the expected number.
        let moved = if head.expected == 0 {
            sqlx::query!(
                "insert into room_heads (room_nid, version_no, snapshot_nid, extremities) values (?, ?, ?, ?)",
                head.room,
                head.version_no,
                head.snapshot,
                head.extremities
            )
            .execute(&mut *conn)
            .await?
        } else {
            sqlx::query!(
                "update room_heads set version_no = ?, snapshot_nid = ?, extremities = ?
                 where room_nid = ? and version_no = ?",
                head.version_no,
                head.snapshot,
                head.extremities,
                head.room,
                head.expected
            )
            .execute(&mut *conn)
            .await?
        };
        if moved.rows_affected() != 1 {
            return Err(Error::Outrun);
        }
    }
    Ok(())
}

async fn write_open_rooms(conn: &mut Conn, rooms: &[(RoomNid, bool)]) -> Result<()> {
    for (room, is_open) in rooms {
        if *is_open {
            sqlx::query!("insert ignore into open_rooms (room_nid) values (?)", room).execute(&mut *conn).await?;
        } else {
            sqlx::query!("delete from open_rooms where room_nid = ?", room).execute(&mut *conn).await?;
        }
    }
    Ok(())
}

async fn write_events(conn: &mut Conn, events: &[EventRow]) -> Result<()> {
    EVENTS
        .run(conn, events, |row, to| {
            to.add(row.nid)?;
            to.add(row.id.as_bytes())?;
            to.add(row.room)?;
            to.add(row.sender)?;
            to.add(row.kind.as_bytes())?;
            to.add(row.state_key)?;
            to.add(row.depth)?;
            to.add(row.origin_server_ts)?;
            to.add(row.position)?;
            to.add(row.snapshot)?;
            to.add(row.flags)?;
            to.add(row.device_id.as_ref().map(|device| device.as_bytes()))?;
            to.add(row.txn_id.as_deref().map(str::as_bytes))?;
            to.add(row.unsigned.as_deref().map(str::as_bytes))?;
            to.add(row.json.as_bytes())
        })
        .await?;
    let state_events: Vec<&EventRow> = events.iter().filter(|event| event.state_key.is_some()).collect();
    EVENT_AUTH
        .run(conn, &state_events, |row, to: &mut MySqlArguments| {
            to.add(row.room)?;
            to.add(row.nid)?;
            to.add(row.auth.iter().flat_map(|nid| nid.0.to_be_bytes()).collect::<Vec<u8>>())
        })
        .await?;
    Ok(())
}

const ROOMS: Insert =
    Insert { head: "insert into rooms (room_nid, room_id, version, created_at) values", columns: 4, tail: "" };
const EVENTS: Insert = Insert {
    head: "insert into events (event_nid, event_id, room_nid, sender_nid, type, state_key_nid, depth, \
           origin_server_ts, position, snapshot_nid, flags, device_id, txn_id, unsigned_json, json) values",
    columns: 15,
    // An outlier may come into the timeline later; nothing else is ever written twice.
    tail: "on duplicate key update position = coalesce(position, values(position)), \
           snapshot_nid = values(snapshot_nid), flags = values(flags)",
};
const EVENT_AUTH: Insert =
    Insert { head: "insert ignore into event_auth (room_nid, event_nid, auth_nids) values", columns: 3, tail: "" };
const SNAPSHOTS: Insert = Insert {
    head: "insert into state_snapshots (snapshot_nid, room_nid, parent_nid, level, entries) values",
    columns: 5,
    tail: "",
};
const CURRENT_STATE: Insert = Insert {
    head: "insert into current_state (room_nid, state_key_nid, event_nid) values",
    columns: 3,
    tail: "on duplicate key update event_nid = values(event_nid)",
};
const MEMBERS: Insert = Insert {
    head: "insert into room_members (room_nid, user_nid, membership, event_nid, position, is_local) values",
    columns: 6,
    tail: "on duplicate key update membership = values(membership), event_nid = values(event_nid), \
           position = values(position), forgotten = 0",
};
const STRIPPED_STATE: Insert = Insert {
    head: "insert into stripped_state (user_nid, room_nid, content) values",
    columns: 3,
    tail: "on duplicate key update content = values(content)",
};
const RELATIONS: Insert = Insert {
    head: "insert ignore into event_relations (room_nid, target_id, rel_type, position, event_nid, sender_nid, \
           type, aggregation_key) values",
    columns: 8,
    tail: "",
};
const REDACTIONS: Insert =
    Insert { head: "insert ignore into redactions (target_id, event_nid) values", columns: 2, tail: "" };
const TRANSACTIONS: Insert = Insert {
    head: "insert into transactions (user_nid, device_id, room_nid, txn_id, event_id, created_at) values",
    columns: 6,
    tail: "",
};
const RECEIPTS: Insert = Insert {
    head: "insert into receipts (room_nid, user_nid, kind, thread, event_id, event_position, ts, position) values",
    columns: 8,
    tail: "on duplicate key update event_id = values(event_id), event_position = values(event_position), \
           ts = values(ts), position = values(position)",
};
const ACCOUNT_DATA: Insert = Insert {
    head: "insert into account_data (user_nid, room_nid, type, content, position) values",
    columns: 5,
    tail: "on duplicate key update content = values(content), position = values(position)",
};
const TO_DEVICE: Insert = Insert {
    head: "insert into to_device_messages (user_nid, device_id, position, content) values",
    columns: 4,
    tail: "",
};
const TO_DEVICE_TRANSACTIONS: Insert = Insert {
    head: "insert into to_device_transactions (user_nid, device_id, type, txn_id, created_at) values",
    columns: 5,
    tail: "",
};
const OUTGOING_TO_DEVICE: Insert =
    Insert { head: "insert into outgoing_to_device (destination, position, content) values", columns: 3, tail: "" };
const DEVICE_LISTS: Insert =
    Insert { head: "insert into device_list_changes (position, user_nid) values", columns: 2, tail: "" };
