//! The statements that write the rows of a batch.

use sqlx::{Arguments, mysql::MySqlArguments};

use super::{EventRow, HeadRow, Rows};
use crate::{
    Error, Result,
    storage::{Conn, bulk::Insert, devices, keys::changes, numbers::RoomNid},
};

impl Rows {
    /// Writes everything, one statement per table where the row counts allow.
    pub(in crate::storage::log) async fn write(&self, conn: &mut Conn) -> Result<()> {
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
