//! What events are told of together with those that relate to them: the members of `m.relations`.
//! Client-server API, "Aggregations of child events".

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use ruma::OwnedEventId;

use super::{
    Rooms,
    relations::{Children, Reference},
    timeline::Visible,
    visibility::Sight,
};
use crate::{
    Result,
    accounts::User,
    event::{Event, relation::rel_type},
    json,
    storage::{
        numbers::{EventNid, RoomNid, UserNid},
        relations::Part,
    },
};

/// The value of `m.relations`, a JSON object, of each event that has one.
pub type Bundles = HashMap<EventNid, String>;

type ChildrenByParent = HashMap<EventNid, Arc<Children>>;

/// What one reader is told of the events that relate to one event.
#[derive(Debug, Default)]
struct Bundle {
    edit: Option<Visible>,
    references: Vec<OwnedEventId>,
    thread: Option<Thread>,
}

#[derive(Debug)]
struct Thread {
    latest: Visible,
    count: u64,
    is_participant: bool,
}

impl Rooms {
    /// What `reader` is told of those that relate to `events`, which may be of any rooms that they may
    /// read. Without a database if the same was asked before and nothing has changed.
    pub async fn bundles(&self, reader: &User, events: &[Arc<Event>]) -> Result<Bundles> {
        let mut bundles = Bundles::new();
        let all = self.relations.children(events).await?;
        let mut rooms: BTreeMap<RoomNid, Vec<Arc<Event>>> = BTreeMap::new();
        for event in events.iter().filter(|event| all.contains_key(&event.nid)) {
            rooms.entry(event.room_nid).or_default().push(event.clone());
        }
        for (room, events) in rooms {
            let view = self.load(room).await?;
            let mut sight = self.sight(&view, reader.nid).await?;
            self.bundle(&mut sight, reader, &events, &mut bundles).await?;
        }
        Ok(bundles)
    }

    /// The same for events of one room.
    pub async fn bundles_in(&self, sight: &mut Sight, reader: &User, events: &[Arc<Event>]) -> Result<Bundles> {
        let mut bundles = Bundles::new();
        self.bundle(sight, reader, events, &mut bundles).await?;
        Ok(bundles)
    }

    async fn bundle(
        &self,
        sight: &mut Sight,
        reader: &User,
        events: &[Arc<Event>],
        bundles: &mut Bundles,
    ) -> Result<()> {
        let children = self.children(sight, events).await?;
        if children.is_empty() {
            return Ok(());
        }
        self.prefetch(&children).await?;
        let mut threads: HashMap<EventNid, Thread> = HashMap::new();
        for event in events {
            if let Some(children) = children.get(&event.nid)
                && let Some(thread) = self.thread(sight, reader, event, children).await?
            {
                threads.insert(event.nid, thread);
            }
        }
        // The newest events of threads are edited and referred to like any other.
        let latest: Vec<_> = threads.values().map(|thread| thread.latest.event.clone()).collect();
        let of_latest = if latest.is_empty() { HashMap::new() } else { self.children(sight, &latest).await? };
        self.prefetch(&of_latest).await?;
        let now_ms = self.clock.now_ms();
        let mut latest_bundles = Bundles::new();
        for event in &latest {
            let Some(children) = of_latest.get(&event.nid) else { continue };
            let bundle = self.without_thread(sight, event, children).await?;
            latest_bundles.extend(bundle.write(now_ms, reader, None).map(|json| (event.nid, json)));
        }
        for event in events {
            let Some(children) = children.get(&event.nid) else { continue };
            let mut bundle = self.without_thread(sight, event, children).await?;
            bundle.thread = threads.remove(&event.nid);
            let of_latest = bundle.thread.as_ref().and_then(|thread| latest_bundles.get(&thread.latest.event.nid));
            bundles.extend(bundle.write(now_ms, reader, of_latest.map(String::as_str)).map(|json| (event.nid, json)));
        }
        Ok(())
    }

    /// The children that a reader may know of: all, or those of before they left.
    async fn children(&self, sight: &Sight, events: &[Arc<Event>]) -> Result<ChildrenByParent> {
        match sight.end() {
            None => self.relations.children(events).await,
            Some(end) => self.relations.children_until(events, end).await,
        }
    }

    /// Loads at once the events that will most likely be told.
    async fn prefetch(&self, children: &ChildrenByParent) -> Result<()> {
        let edits = children.values().filter_map(|children| children.edits.first().copied());
        let latest = children.values().filter_map(|children| Some(children.thread.first()?.latest));
        let nids: Vec<EventNid> = edits.chain(latest).collect();
        self.events.load_many(&nids).await?;
        Ok(())
    }

    /// The edit and the references that the reader may know of.
    async fn without_thread(&self, sight: &mut Sight, event: &Event, children: &Children) -> Result<Bundle> {
        let mut bundle = Bundle::default();
        // "If the original event is redacted, any m.replace relationship should not be bundled."
        if !event.is_redacted() {
            for edit in &children.edits {
                let edit = self.events.load(*edit).await?;
                if has_new_content(&edit) {
                    bundle.edit = self.told(sight, edit).await?;
                }
                if bundle.edit.is_some() {
                    break;
                }
            }
        }
        let ignores = self.ignored_senders(sight, children.references.iter().map(|reference| reference.sender)).await?;
        let told = |reference: &&Reference| !ignores.contains(&reference.sender);
        bundle.references = children.references.iter().filter(told).map(|reference| reference.id.clone()).collect();
        Ok(bundle)
    }

    /// The thread that begins with `root`. Client-server API, "Server-side aggregation of m.thread
    /// relationships".
    async fn thread(
        &self,
        sight: &mut Sight,
        reader: &User,
        root: &Event,
        children: &Children,
    ) -> Result<Option<Thread>> {
        if children.thread.is_empty() || root.relation().is_some() {
            return Ok(None);
        }
        let ignored = self.ignored_senders(sight, children.thread.iter().map(|part| part.sender)).await?;
        let parts: Vec<&Part> = children.thread.iter().filter(|part| !ignored.contains(&part.sender)).collect();
        let is_participant = root.sender_nid == reader.nid || parts.iter().any(|part| part.sender == reader.nid);
        let count = parts.iter().map(|part| part.count).sum();
        for part in parts {
            let latest = self.events.load(part.latest).await?;
            if let Some(latest) = self.told(sight, latest).await? {
                return Ok(Some(Thread { latest, count, is_participant }));
            }
        }
        Ok(None)
    }

    /// `event`, if the reader may see it.
    async fn told(&self, sight: &mut Sight, event: Arc<Event>) -> Result<Option<Visible>> {
        // A redacted event relates to nothing; this one may have been redacted in this moment.
        if event.is_redacted() || sight.spares(&event) {
            return Ok(None);
        }
        let seen = sight.see(&event).await?;
        if seen.is_visible { Ok(Some(sight.shown(event, seen).await?)) } else { Ok(None) }
    }

    /// Those of `senders` that the reader ignores.
    async fn ignored_senders(&self, sight: &Sight, senders: impl Iterator<Item = UserNid>) -> Result<Vec<UserNid>> {
        if sight.ignored().is_empty() {
            return Ok(Vec::new());
        }
        let senders: Vec<UserNid> = senders.collect();
        let ids = self.storage.user_ids(&senders).await?;
        let ignored = senders.iter().zip(&ids).filter(|(_, id)| sight.ignored().contains(*id));
        Ok(ignored.map(|(nid, _)| *nid).collect())
    }
}

impl Bundle {
    /// The value of `m.relations`, unless there is nothing to tell.
    fn write(&self, now_ms: i64, reader: &User, of_latest: Option<&str>) -> Option<String> {
        if self.edit.is_none() && self.references.is_empty() && self.thread.is_none() {
            return None;
        }
        let event = |visible: &Visible, relations: Option<&str>| {
            let mut json = String::new();
            visible.write(&mut json, now_ms, reader, relations, true);
            json
        };
        Some(json::object(|relations| {
            if let Some(edit) = &self.edit {
                relations.raw(rel_type::REPLACE, &event(edit, None));
            }
            if !self.references.is_empty() {
                relations.object(rel_type::REFERENCE, |reference| {
                    reference.array("chunk", &self.references, |out, id| {
                        json::write_object(out, |event| event.text("event_id", id.as_str()));
                    });
                });
            }
            if let Some(thread) = &self.thread {
                relations.object(rel_type::THREAD, |member| {
                    member.raw("latest_event", &event(&thread.latest, of_latest));
                    member.plain("count", thread.count);
                    member.plain("current_user_participated", thread.is_participant);
                });
            }
        }))
    }
}

/// Whether the event says what to put in the place of another's content; of an encrypted one that
/// cannot be told.
fn has_new_content(event: &Event) -> bool {
    #[derive(serde::Deserialize)]
    struct Content {
        #[serde(rename = "m.new_content")]
        new_content: Option<serde_json::Map<String, serde_json::Value>>,
    }
    event.kind().to_string() == "m.room.encrypted"
        || event.content_as::<Content>().is_some_and(|content| content.new_content.is_some())
}
