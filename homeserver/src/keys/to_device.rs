//! Sends messages from device to device.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use quick_cache::sync::Cache;
use ruma::{
    DeviceId, OwnedDeviceId, OwnedServerName, OwnedUserId, UserId,
    api::client::to_device::send_event_to_device::v3::Messages, events::AnyToDeviceEventContent, serde::Raw,
    to_device::DeviceIdOrAllDevices,
};
use serde_json::value::RawValue;

use super::ByServer;
use crate::{
    Error, Result,
    accounts::User,
    clock::Clock,
    secrets,
    storage::{
        Storage, fault,
        keys::identity,
        log::rows::{OutgoingToDeviceRow, Rows, ToDeviceRow, ToDeviceTransactionRow},
        numbers::{Position, UserNid},
        to_device,
    },
    tail::{Fact, Inner, Job, Log, Tail, ToDevice as Message},
};

/// Largest content of a message, in bytes: that of an event.
const CONTENT_LIMIT: usize = 64 << 10;
/// At most so many bytes are stored for one request, however many devices `*` stands for.
const REQUEST_LIMIT: usize = 16 << 20;
/// Longest event type and longest transaction ID, in bytes.
const NAME_LIMIT: usize = 255;
/// Devices whose last acknowledgement is remembered, at most.
const DEVICES: usize = 100_000;

/// Messages between devices.
#[derive(Clone, Debug)]
pub struct ToDevice {
    storage: Storage,
    log: Log,
    tail: Tail,
    clock: Clock,
    server_name: OwnedServerName,
    /// Up to where nothing waits for a device any more.
    emptied: Arc<Cache<(UserNid, OwnedDeviceId), Position>>,
}

/// The messages for one user's devices.
type ForDevices = BTreeMap<DeviceIdOrAllDevices, Raw<AnyToDeviceEventContent>>;

impl ToDevice {
    /// The messages of the users of `server_name`.
    pub fn new(storage: Storage, log: Log, tail: Tail, clock: Clock, server_name: OwnedServerName) -> Self {
        Self { storage, log, tail, clock, server_name, emptied: Arc::new(Cache::new(DEVICES)) }
    }

    /// Sends messages of one type. Devices that do not exist are passed over; a request that is
    /// repeated with the same `txn_id` does nothing.
    pub async fn send(&self, sender: &User, event_type: &str, txn_id: &str, messages: Messages) -> Result<()> {
        if event_type.len() > NAME_LIMIT || txn_id.len() > NAME_LIMIT {
            return Err(Error::invalid_param("The event type or the transaction ID is longer than 255 bytes."));
        }
        check_contents(&messages)?;
        let device_id = sender.device_id.clone().unwrap_or_else(|| "".into());
        if to_device::is_done(&mut *self.storage.conn().await?, sender.nid, &device_id, event_type, txn_id).await? {
            return Ok(());
        }
        let messages = ByServer::new(&self.server_name, messages);
        let mut rows = Rows::default();
        rows.to_device = self.rows(&sender.id, event_type, messages.local).await?;
        rows.outgoing_to_device = outgoing(&sender.id, event_type, &messages.remote)?;
        check_amount(&rows)?;
        if rows.positions() == 0 {
            return Ok(());
        }
        rows.to_device_transactions.push(ToDeviceTransactionRow {
            user: sender.nid,
            device_id,
            event_type: event_type.to_owned(),
            txn_id: txn_id.to_owned(),
            created_at: self.clock.now_ms(),
        });
        match self.append(rows).await {
            // The same request has overtaken this one.
            Err(error) if fault::is_duplicate(&error) => Ok(()),
            outcome => outcome,
        }
    }

    /// Delivers messages that another server sends for users of this one.
    pub async fn receive(&self, sender: &UserId, event_type: &str, messages: Messages) -> Result<()> {
        check_contents(&messages)?;
        let messages = ByServer::new(&self.server_name, messages);
        let mut rows = Rows::default();
        rows.to_device = self.rows(sender, event_type, messages.local).await?;
        check_amount(&rows)?;
        if rows.to_device.is_empty() {
            return Ok(());
        }
        self.append(rows).await
    }

    /// Deletes the messages that a device has acknowledged by asking for news after `position`. Costs
    /// nothing where there were none.
    pub async fn acknowledge(&self, user: UserNid, device_id: &DeviceId, position: Position) -> Result<()> {
        let key = (user, device_id.to_owned());
        // Nobody has seen what is still to come, whatever a token claims.
        let position = position.min(self.tail.view().head());
        if !self.may_have_messages(&key, position) {
            return Ok(());
        }
        to_device::delete_up_to(&mut *self.storage.conn().await?, user, device_id, position).await?;
        self.emptied.insert(key, position);
        Ok(())
    }

    /// Whether something may wait at or before `position`: the tail tells what came since the last
    /// time that everything was deleted.
    fn may_have_messages(&self, key: &(UserNid, OwnedDeviceId), position: Position) -> bool {
        let Some(emptied) = self.emptied.get(key) else { return true };
        let view = self.tail.view();
        if !view.reaches(emptied) {
            return true;
        }
        view.user(key.0, emptied)
            .take_while(|entry| entry.position <= position)
            .any(|entry| matches!(&entry.fact, Fact::ToDevice(message) if message.device_id == key.1))
    }

    async fn rows(
        &self,
        sender: &UserId,
        event_type: &str,
        messages: BTreeMap<OwnedUserId, ForDevices>,
    ) -> Result<Vec<ToDeviceRow>> {
        let user_ids: Vec<_> = messages.keys().map(|user_id| &**user_id).collect();
        let mut conn = self.storage.conn().await?;
        let users: HashMap<UserNid, OwnedUserId> =
            identity::list_local_users(&mut conn, &user_ids).await?.into_iter().map(|(id, nid)| (nid, id)).collect();
        let nids: Vec<UserNid> = users.keys().copied().collect();
        let mut rows = Vec::new();
        for (user, device_id) in to_device::list_devices(&mut conn, &nids).await? {
            let of_user = &messages[&users[&user]];
            let content = of_user
                .get(&DeviceIdOrAllDevices::DeviceId(device_id.clone()))
                .or_else(|| of_user.get(&DeviceIdOrAllDevices::AllDevices));
            if let Some(content) = content {
                let content = to_json(&Event { content: content.json(), sender, event_type })?;
                rows.push(ToDeviceRow { user, device_id, content, position: Position::ZERO });
            }
        }
        Ok(rows)
    }

    async fn append(&self, rows: Rows) -> Result<()> {
        let messages: Vec<Arc<Message>> = rows
            .to_device
            .iter()
            .map(|row| {
                let json = row.content.clone();
                Arc::new(Message { user: row.user, device_id: row.device_id.clone(), json })
            })
            .collect();
        let publish = Box::new(move |tail: &mut Inner, first: Position| {
            for (index, message) in messages.into_iter().enumerate() {
                tail.wake(message.user);
                tail.push(first.after(index), Fact::ToDevice(message));
            }
        });
        self.log.append(Job { rows, broken: None, publish }).await?;
        Ok(())
    }
}

fn check_contents(messages: &Messages) -> Result<()> {
    for content in messages.values().flat_map(BTreeMap::values) {
        if content.json().get().len() > CONTENT_LIMIT {
            return Err(Error::too_large("A message is larger than 65,536 bytes."));
        }
        // Clients could not read what is nested deeper than this can be parsed.
        content
            .deserialize_as_unchecked::<serde_json::Map<String, serde_json::Value>>()
            .map_err(|fault| Error::bad_json(format!("A message is not a JSON object: {fault}.")))?;
    }
    Ok(())
}

fn check_amount(rows: &Rows) -> Result<()> {
    let bytes: usize = rows.to_device.iter().map(|row| row.content.len()).sum();
    if bytes > REQUEST_LIMIT {
        return Err(Error::too_large("These are too many messages for one request."));
    }
    Ok(())
}

/// The event as its receiver sees it.
#[derive(serde::Serialize)]
struct Event<'a> {
    content: &'a RawValue,
    sender: &'a UserId,
    #[serde(rename = "type")]
    event_type: &'a str,
}

/// Messages as another server takes them. Server-server API, "Send-to-device messaging".
#[derive(serde::Serialize)]
struct DirectToDevice<'a> {
    message_id: String,
    messages: &'a BTreeMap<OwnedUserId, ForDevices>,
    sender: &'a UserId,
    #[serde(rename = "type")]
    event_type: &'a str,
}

fn outgoing(
    sender: &UserId,
    event_type: &str,
    messages: &BTreeMap<OwnedServerName, BTreeMap<OwnedUserId, ForDevices>>,
) -> Result<Vec<OutgoingToDeviceRow>> {
    messages
        .iter()
        .map(|(destination, messages)| {
            let message_id = secrets::identifier(32);
            Ok(OutgoingToDeviceRow {
                destination: destination.clone(),
                content: to_json(&DirectToDevice { message_id, messages, sender, event_type })?,
                position: Position::ZERO,
            })
        })
        .collect()
}

fn to_json(message: &impl serde::Serialize) -> Result<Arc<str>> {
    let json = serde_json::to_string(message)
        .map_err(|fault| Error::internal(format!("a message could not be serialised: {fault}")))?;
    Ok(Arc::from(json))
}
