//! The heart: events, state, rules. The only writer of events.

pub mod append;
pub mod auth_graph;
mod blocks;
pub mod bundles;
pub mod checks;
pub mod contents;
pub mod create;
pub mod draft;
pub mod events;
pub mod heads;
mod purge;
pub mod receive;
mod redaction;
pub mod related;
mod relations;
pub mod residents;
pub mod resolution;
pub mod restricted;
pub mod server_acl;
mod shadows;
pub mod snapshots;
pub mod state;
#[cfg(test)]
mod testing;
pub mod timeline;
pub mod transactions;
pub mod view;
pub mod visibility;

use std::{collections::HashSet, future::Future, sync::Arc};

use ruma::{
    OwnedEventId, OwnedServerName, OwnedUserId, RoomId, RoomVersionId, ServerName, UserId, events::TimelineEventType,
};

use self::{
    contents::Place,
    draft::{Drafter, Wish},
    events::Events,
    heads::Heads,
    relations::Relations,
    residents::Residents,
    resolution::Resolver,
    snapshots::Snapshots,
    transactions::Transactions,
    view::View,
};
use crate::{
    Error, Result,
    accounts::{User, ignored::Ignored},
    clock::Clock,
    event::Transaction,
    signing::SigningKey,
    storage::{Storage, numbers::RoomNid},
    tail::{Log, Tail},
};

/// How often an event is prepared before its sender is told that others were always first.
const DRAFTS: usize = 10;

/// The rooms of this server.
#[derive(Clone, Debug)]
pub struct Rooms {
    storage: Storage,
    log: Log,
    tail: Tail,
    signing: SigningKey,
    clock: Clock,
    default_version: RoomVersionId,
    events: Events,
    snapshots: Snapshots,
    heads: Heads,
    residents: Residents,
    drafter: Drafter,
    resolver: Resolver,
    transactions: Transactions,
    relations: Relations,
    ignored: Ignored,
}

impl Rooms {
    /// The rooms that are stored in `storage` and written through `log`.
    pub fn new(
        storage: Storage,
        log: Log,
        tail: Tail,
        signing: SigningKey,
        clock: Clock,
        default_version: RoomVersionId,
        ignored: Ignored,
    ) -> Self {
        let events = Events::new(storage.clone());
        let snapshots = Snapshots::new(storage.clone());
        let heads = Heads::new(storage.clone(), events.clone(), snapshots.clone());
        let residents = Residents::new(storage.clone(), tail.clone(), log.clone());
        let relations = Relations::new(storage.clone());
        tail.on_gap({
            let (heads, residents, relations) = (heads.clone(), residents.clone(), relations.clone());
            move || {
                heads.forget_committed();
                residents.forget_all();
                relations.forget_all();
            }
        });
        Self {
            heads,
            residents,
            resolver: Resolver::new(storage.clone(), events.clone()),
            drafter: Drafter::new(storage.clone(), events.clone(), signing.clone(), clock.clone()),
            transactions: Transactions::new(storage.clone(), clock.clone()),
            relations,
            ignored,
            storage,
            log,
            tail,
            signing,
            clock,
            default_version,
            events,
            snapshots,
        }
    }

    /// The events of all rooms.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// The states of all rooms.
    pub fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    /// Which rooms users have to do with.
    pub fn residents(&self) -> &Residents {
        &self.residents
    }

    /// Whom `reader` ignores.
    pub async fn ignored_by(&self, reader: &User) -> Result<Arc<HashSet<OwnedUserId>>> {
        self.ignored.load(reader.nid, &reader.id).await
    }

    /// The name of this server.
    pub fn server_name(&self) -> &ServerName {
        self.signing.server_name()
    }

    /// The version of rooms whose creator chooses none.
    pub fn default_version(&self) -> &RoomVersionId {
        &self.default_version
    }

    /// The number of a room, if it was ever seen.
    pub async fn find_nid(&self, id: &RoomId) -> Result<Option<RoomNid>> {
        self.heads.find_nid(id).await
    }

    /// The room as it is committed, if this server knows it.
    pub async fn find(&self, id: &RoomId) -> Result<Option<Arc<View>>> {
        match self.heads.find_nid(id).await? {
            Some(nid) => self.heads.view(nid).await,
            None => Ok(None),
        }
    }

    /// The same by number.
    pub async fn find_by_nid(&self, nid: RoomNid) -> Result<Option<Arc<View>>> {
        self.heads.view(nid).await
    }

    /// The same of a room that exists.
    pub async fn load(&self, nid: RoomNid) -> Result<Arc<View>> {
        let view = self.heads.view(nid).await?;
        view.ok_or_else(|| Error::internal(format!("room {} has vanished", nid.0)))
    }

    /// The room as it is committed, if it is in memory.
    pub fn in_memory(&self, nid: RoomNid) -> Option<Arc<View>> {
        self.heads.room(nid).committed()
    }

    /// The room, for somebody who is in it; everybody else is refused.
    pub async fn joined(&self, user: &User, id: &RoomId) -> Result<Arc<View>> {
        let view = self.find(id).await?;
        view.filter(|view| view.is_joined(user.nid)).ok_or_else(|| Error::forbidden("You are not in this room."))
    }

    /// Up to `limit` other servers that take part in a room.
    pub async fn other_servers(&self, view: &View, limit: usize) -> Result<Vec<OwnedServerName>> {
        let mut servers: Vec<OwnedServerName> = Vec::new();
        let remote: Vec<_> = view.joined.iter().copied().filter(|user| !view.local.contains(user)).collect();
        for users in remote.chunks(limit.max(1)) {
            for user in self.storage.user_ids(users).await? {
                let server = user.server_name();
                if servers.len() < limit && !servers.iter().any(|known| known == server) {
                    servers.push(server.to_owned());
                }
            }
            if servers.len() >= limit {
                break;
            }
        }
        Ok(servers)
    }

    /// Sends an event on behalf of a local user. The same `txn_id` of the same device sends once.
    pub async fn send(
        &self,
        sender: &User,
        room_id: &RoomId,
        wish: Wish,
        txn_id: Option<&str>,
    ) -> Result<OwnedEventId> {
        let Some(room) = self.heads.find_nid(room_id).await? else {
            return Err(Error::forbidden("You are not in this room."));
        };
        let wish = Wish { origin_server_ts: wish.origin_server_ts.or(sender.origin_server_ts), ..wish };
        // Application services may act without a device.
        let device_id = || sender.device_id.clone().unwrap_or_else(|| "".into());
        let transaction = txn_id.map(|txn_id| Transaction { device_id: device_id(), txn_id: txn_id.to_owned() });
        match transaction {
            None => self.say(&sender.id, room, wish, None).await,
            Some(transaction) => {
                let act = || self.say(&sender.id, room, wish, Some(transaction.clone()));
                self.transactions.once(sender.nid, room, &transaction, act).await
            }
        }
    }

    /// Makes `wish` the next event of the room, if the rules allow it, and waits until it is
    /// durable. Whoever is outrun by another process, or built upon what could not be written, tries
    /// again with the room as it is then.
    pub async fn say(
        &self,
        sender: &UserId,
        room: RoomNid,
        wish: Wish,
        transaction: Option<Transaction>,
    ) -> Result<OwnedEventId> {
        for _ in 0..DRAFTS {
            let (wish, transaction) = (wish.clone(), transaction.clone());
            match self.say_after(sender, room, wish, transaction, |_| std::future::ready(Ok(()))).await {
                Err(Error::Outrun) => {}
                outcome => return outcome,
            }
        }
        Err(Error::Outrun)
    }

    /// The same, but `first` is done before, with the ID that the event will have; if that fails, the
    /// event is not sent. The room is held meanwhile.
    pub async fn say_after<Fut>(
        &self,
        sender: &UserId,
        room: RoomNid,
        wish: Wish,
        transaction: Option<Transaction>,
        first: impl FnOnce(OwnedEventId) -> Fut,
    ) -> Result<OwnedEventId>
    where
        Fut: Future<Output = Result<()>>,
    {
        let _claim = self.may_relate(sender, room, &wish).await?;
        let room = self.heads.room(room);
        let (commit, event_id) = {
            let mut held = self.heads.hold(&room).await?;
            let Some(head) = held.as_mut() else {
                return Err(Error::forbidden("You are not in this room."));
            };
            if let Some(same) = self.already_so(&head.view, sender, &wish).await? {
                return Ok(same);
            }
            self.place(&head.view).check(&wish)?;
            self.may_redact(&head.view, sender, &wish).await?;
            let draft = self.drafter.draft(head, sender, wish).await?;
            let addition = self.follow(head, draft.pdu, &draft.auth, transaction).await?;
            checks::against_auth_events(
                &head.view.rules.authorization,
                &addition.event,
                &draft.auth,
                head.view.create(),
            )
            .map_err(|rule| Error::forbidden(format!("The room does not allow this: {rule}.")))?;
            let event_id = addition.event.id().to_owned();
            first(event_id.clone()).await?;
            let job = self.append(&room, head, addition).await?;
            (self.log.enqueue(job).await?, event_id)
        };
        commit.wait().await?;
        Ok(event_id)
    }

    /// Where state of the room `view` is to stand.
    fn place<'a>(&'a self, view: &'a View) -> Place<'a> {
        Place {
            room: &view.id,
            rules: &view.rules.authorization,
            creators: view.creators(),
            server: self.server_name(),
        }
    }

    /// The present state event, if it has the same sender and content as the wished one.
    async fn already_so(&self, view: &View, sender: &UserId, wish: &Wish) -> Result<Option<OwnedEventId>> {
        let Some(state_key) = &wish.state_key else { return Ok(None) };
        let Some(present) = self.state_event(view, &wish.kind.to_string(), state_key).await? else {
            return Ok(None);
        };
        let parse = |json: &str| serde_json::from_str::<serde_json::Value>(json).ok();
        let is_same = present.sender() == sender && parse(present.content().get()) == parse(wish.content.get());
        Ok(is_same.then(|| present.id().to_owned()))
    }

    /// From room version 3 on the rules let every redaction into the graph and leave it without
    /// effect where the sender lacks the power; refuse it instead.
    async fn may_redact(&self, view: &View, sender: &UserId, wish: &Wish) -> Result<()> {
        if wish.kind != TimelineEventType::RoomRedaction {
            return Ok(());
        }
        let Some(target) = &wish.redacts else {
            return Err(Error::missing_param("A redaction says what it redacts."));
        };
        match self.events.find(target).await? {
            Some(target) if target.room_nid == view.nid => {
                if view.may_redact(sender, &target) {
                    Ok(())
                } else {
                    Err(Error::forbidden("You may not redact other people's events in this room."))
                }
            }
            // Whether it is in another room is not told.
            _ => Err(Error::invalid_param("There is no such event in this room.")),
        }
    }
}
