//! What clients keep on the server for their user, globally or for a room. Client-server API,
//! "Client Config".

pub mod tags;

use ruma::RoomId;
use serde_json::value::RawValue;
use tokio::sync::MutexGuard;

use super::turns::Turns;
use crate::{
    Error, Result,
    storage::{
        Storage, account_data as rows,
        log::rows::{AccountDataRow, Rows},
        numbers::{Position, RoomNid, UserNid},
        rooms,
    },
    tail::{self, Fact, Job, Log},
};

/// What is kept by the server itself and cannot be set as account data. Client-server API, "Client
/// Config", "Server Behaviour".
const SERVER_MANAGED: [&str; 2] = ["m.fully_read", "m.push_rules"];
/// Most bytes of a type.
const LONGEST_KIND: usize = 255;
/// The content of what was deleted.
const DELETED: &str = "{}";

/// The account data of local users; clones share the order in which what depends on itself changes.
#[derive(Clone, Debug)]
pub struct AccountData {
    storage: Storage,
    log: Log,
    turns: Turns,
}

impl AccountData {
    /// Account data in `storage`, written by `log`.
    pub fn new(storage: Storage, log: Log) -> Self {
        Self { storage, log, turns: Turns::default() }
    }

    /// Sets what a client may set. An empty object deletes (MSC3391).
    pub async fn set_by_client(
        &self,
        user: UserNid,
        room: Option<RoomNid>,
        kind: &str,
        content: Box<RawValue>,
    ) -> Result<()> {
        if SERVER_MANAGED.contains(&kind) {
            return Err(Error::ServerManaged(format!("{kind} cannot be set as account data.").into()));
        }
        self.set(user, room, kind, content).await
    }

    /// Waits for a turn to change what the user has by what it was. It ends with the returned value.
    pub async fn turn(&self, user: UserNid) -> MutexGuard<'_, ()> {
        self.turns.take(user).await
    }

    /// Sets account data of any type, which must be a JSON object.
    pub async fn set(&self, user: UserNid, room: Option<RoomNid>, kind: &str, content: Box<RawValue>) -> Result<()> {
        if kind.len() > LONGEST_KIND {
            return Err(Error::invalid_param(format!("A type has at most {LONGEST_KIND} bytes.")));
        }
        if !content.get().starts_with('{') {
            return Err(Error::bad_json("Account data must be a JSON object."));
        }
        let row = AccountDataRow {
            user,
            room: room.unwrap_or(RoomNid(0)),
            kind: kind.to_owned(),
            content: normalise(content.get()).as_bytes().to_vec(),
            position: Position::ZERO,
        };
        let fact = Fact::AccountData(tail::AccountData { user, room, kind: kind.to_owned(), content }.into());
        let publish = Box::new(move |tail: &mut tail::Inner, position| {
            tail.push(position, fact);
            tail.wake(user);
        });
        let rows = Rows { account_data: vec![row], ..Rows::default() };
        self.log.append(Job { rows, broken: None, publish }).await?;
        Ok(())
    }

    /// Deletes account data.
    pub async fn delete(&self, user: UserNid, room: Option<RoomNid>, kind: &str) -> Result<()> {
        let empty = RawValue::from_string(DELETED.to_owned()).expect("an empty object is JSON");
        self.set_by_client(user, room, kind, empty).await
    }

    /// Finds the content of account data, if there are any.
    pub async fn find(&self, user: UserNid, room: Option<RoomNid>, kind: &str) -> Result<Option<Box<RawValue>>> {
        let content = rows::find(&mut *self.storage.conn().await?, user, room, kind).await?;
        content.filter(|content| content != DELETED).map(parse).transpose()
    }

    /// Lists all account data of a user, global and of rooms, without deleted ones.
    pub async fn list(&self, user: UserNid) -> Result<Vec<tail::AccountData>> {
        let all = rows::list(&mut *self.storage.conn().await?, user, Position::ZERO).await?;
        all.into_iter().filter(|row| row.content != DELETED).map(|row| piece(user, row)).collect()
    }

    /// Lists the account data of a user that changed after `since`; deleted ones are empty objects.
    pub async fn list_since(&self, user: UserNid, since: Position) -> Result<Vec<(Position, tail::AccountData)>> {
        let changed = rows::list(&mut *self.storage.conn().await?, user, since).await?;
        changed.into_iter().map(|row| Ok((row.position, piece(user, row)?))).collect()
    }

    /// The number of a room that account data may be set for.
    pub async fn room(&self, room_id: &RoomId) -> Result<RoomNid> {
        let found = rooms::find_nid(&mut *self.storage.conn().await?, room_id).await?;
        found.ok_or_else(|| Error::not_found("This room is not known here."))
    }
}

/// Empty objects are stored in one form, by which deleted data are recognised.
fn normalise(content: &str) -> &str {
    let is_empty = content.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    if is_empty.is_some_and(|inside| inside.trim().is_empty()) { DELETED } else { content }
}

fn piece(user: UserNid, row: rows::AccountDataRow) -> Result<tail::AccountData> {
    Ok(tail::AccountData { user, room: row.room, kind: row.kind, content: parse(row.content)? })
}

fn parse(content: String) -> Result<Box<RawValue>> {
    RawValue::from_string(content)
        .map_err(|fault| Error::internal(format!("stored account data are unreadable: {fault}")))
}
