//! Searches what was said. Client-server API, "Server Side Search".

mod answer;
mod index;
mod token;
mod words;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use ruma::{
    OwnedRoomId,
    api::client::search::search_events::v3::{Criteria, EventContext, GroupingKey, OrderBy, SearchKeys},
};
use serde::Deserialize;

use self::{
    index::Index,
    token::{Group, Token},
};
use crate::{
    Error, Result,
    accounts::User,
    event::Event,
    reading::{Reading, filter::EventFilter},
    rooms::{Rooms, residents::UserRooms, timeline::Visible, view::View, visibility::Sight},
    storage::{
        Storage, events,
        numbers::{Position, RoomNid},
        rooms::Membership,
        search::{self, Field, Match, Order, Wanted},
    },
    tail::Tail,
    tasks::Tasks,
};

/// Results whose searcher does not say how many, and results at most.
const LIMIT: (usize, usize) = (10, 100);
/// Events with all the words that are asked for at a time, and how often, at most, if few of them can
/// be told.
const LOOKED_AT: usize = 1000;
const ROUNDS: usize = 5;
/// Events that are loaded at a time.
const CHUNK: usize = 50;
/// Words of a search term that count, at most.
const WORDS: usize = 12;
/// Rooms that a room can have replaced one after another and that are searched along with it.
const PREDECESSORS: usize = 20;
/// How long a search waits for what was said just before.
const PATIENCE: Duration = Duration::from_secs(1);

/// Searches in the rooms that people are or were in.
#[derive(Clone, Debug)]
pub struct Search {
    storage: Storage,
    rooms: Rooms,
    reading: Reading,
    index: Index,
}

/// What is asked for, made ready.
#[derive(Debug)]
struct Asked {
    words: Vec<String>,
    rooms: Vec<(RoomNid, Position)>,
    fields: Vec<Field>,
    order: Order,
    token: Option<Token>,
    filter: EventFilter,
    limit: usize,
    context: Option<EventContext>,
    include_state: bool,
    groupings: Vec<GroupingKey>,
}

/// An event that was found.
#[derive(Debug)]
struct Found {
    found: Match,
    visible: Visible,
}

/// Rooms with what the searcher may see there.
type Sights = HashMap<RoomNid, (Arc<View>, Sight)>;

/// A page of results.
#[derive(Debug)]
struct Results {
    events: Vec<Found>,
    sights: Sights,
    /// About how many there are in all.
    count: u64,
}

impl Search {
    /// Searches what is in `storage`; a task notes what comes into the log.
    pub fn start(storage: Storage, tail: Tail, rooms: Rooms, reading: Reading, tasks: &Tasks) -> Self {
        let index = Index::start(storage.clone(), tail, rooms.clone(), tasks);
        Self { storage, rooms, reading, index }
    }

    /// The answer to `searcher`'s request: the next results after `next_batch`, or the first.
    pub async fn search(
        &self,
        searcher: &User,
        criteria: Criteria,
        has_context: bool,
        next_batch: Option<&str>,
    ) -> Result<String> {
        let asked = self.asked(searcher, criteria, has_context, next_batch).await?;
        self.index.catch_up(PATIENCE).await;
        let results = self.results(searcher, &asked).await?;
        self.answer(searcher, &asked, results).await
    }

    async fn asked(
        &self,
        searcher: &User,
        mut criteria: Criteria,
        has_context: bool,
        next_batch: Option<&str>,
    ) -> Result<Asked> {
        let token = next_batch.map(Token::parse).transpose()?;
        let order = match &criteria.order_by {
            None | Some(OrderBy::Rank) => Order::Rank,
            Some(OrderBy::Recent) => Order::Recent,
            Some(other) => return Err(Error::invalid_param(format!("Results cannot be ordered by {other}."))),
        };
        let fields = criteria.keys.iter().flatten().map(field).collect::<Result<Vec<_>>>()?;
        let groupings = criteria.groupings.group_by.into_iter().filter_map(|grouping| grouping.key);
        let groupings: Vec<_> = groupings.collect();
        if let Some(other) = groupings.iter().find(|key| !matches!(key, GroupingKey::RoomId | GroupingKey::Sender)) {
            return Err(Error::invalid_param(format!("Results cannot be grouped by {other}.")));
        }
        let mut words = words::asked(&criteria.search_term);
        // The longest words are mostly the rarest: what they are in is read first.
        words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
        words.truncate(WORDS);
        // The filter knows nothing of the rooms that others have replaced.
        let wanted = criteria.filter.rooms.take();
        let limit = criteria.filter.limit.map(|limit| usize::try_from(u64::from(limit)).unwrap_or(LIMIT.1));
        Ok(Asked {
            words,
            rooms: self.rooms_of(searcher, wanted.as_deref(), token).await?,
            fields,
            order,
            token,
            filter: EventFilter::new(&criteria.filter),
            limit: limit.unwrap_or(LIMIT.0).clamp(1, LIMIT.1),
            context: has_context.then_some(criteria.event_context),
            include_state: criteria.include_state == Some(true),
            groupings,
        })
    }

    /// The rooms that are searched, each up to where the searcher may know it: all they are or were in,
    /// or those of them that are `wanted`, with the rooms that these have replaced.
    async fn rooms_of(
        &self,
        searcher: &User,
        wanted: Option<&[OwnedRoomId]>,
        token: Option<Token>,
    ) -> Result<Vec<(RoomNid, Position)>> {
        let own = self.rooms.residents().load(searcher.nid).await?;
        let until = |room: &RoomNid| {
            let residence = own.get(room)?;
            match residence.membership {
                Membership::Join => Some((*room, Position(i64::MAX))),
                Membership::Leave | Membership::Ban => Some((*room, residence.position)),
                Membership::Invite | Membership::Knock => None,
            }
        };
        let mut rooms: Vec<_> = match wanted {
            None => own.keys().filter_map(until).collect(),
            Some(wanted) => self.with_predecessors(&own, wanted).await?.iter().filter_map(until).collect(),
        };
        if let Some(Token { group: Group::Room(only), .. }) = token {
            rooms.retain(|(room, _)| *room == only);
        }
        Ok(rooms)
    }

    /// Those of `wanted` that are among `own`, with the rooms that they have replaced.
    async fn with_predecessors(&self, own: &UserRooms, wanted: &[OwnedRoomId]) -> Result<Vec<RoomNid>> {
        #[derive(Deserialize)]
        struct Creation {
            predecessor: Option<Predecessor>,
        }
        #[derive(Deserialize)]
        struct Predecessor {
            room_id: OwnedRoomId,
        }
        let mut rooms = Vec::new();
        for room_id in wanted {
            let mut next = Some(room_id.clone());
            for _ in 0..PREDECESSORS {
                let Some(room_id) = next.take() else { break };
                let Some(room) = self.rooms.find_nid(&room_id).await? else { break };
                if !own.contains_key(&room) || rooms.contains(&room) {
                    break;
                }
                rooms.push(room);
                let view = self.rooms.load(room).await?;
                let creation = view.create().and_then(|event| event.content_as::<Creation>());
                next = creation.and_then(|creation| creation.predecessor).map(|predecessor| predecessor.room_id);
            }
        }
        Ok(rooms)
    }

    async fn results(&self, searcher: &User, asked: &Asked) -> Result<Results> {
        let mut results = Results { events: Vec::new(), sights: Sights::new(), count: 0 };
        if asked.words.is_empty() || asked.rooms.is_empty() {
            return Ok(results);
        }
        let mut wanted = Wanted {
            words: &asked.words,
            rooms: &asked.rooms,
            fields: &asked.fields,
            order: asked.order,
            after: asked.token.map(|token| token.last),
        };
        let mut passed_over = 0;
        for round in 0..ROUNDS {
            let mut conn = self.storage.conn().await?;
            let matches = search::find(&mut conn, wanted, LOOKED_AT).await?;
            if round == 0 {
                results.count = match asked.token {
                    Some(token) => token.count,
                    None if matches.len() < LOOKED_AT => matches.len() as u64,
                    None => search::count(&mut conn, wanted).await?,
                };
            }
            drop(conn);
            passed_over += self.take(searcher, asked, &matches, &mut results).await?;
            if results.events.len() == asked.limit || matches.len() < LOOKED_AT {
                break;
            }
            wanted.after = matches.last().copied();
        }
        if asked.token.is_none() {
            results.count = results.count.saturating_sub(passed_over);
        }
        Ok(results)
    }

    /// Takes from `matches` what belongs to the results, until there are enough; returns how many were
    /// passed over.
    async fn take(&self, searcher: &User, asked: &Asked, matches: &[Match], results: &mut Results) -> Result<u64> {
        let mut passed_over = 0;
        for chunk in matches.chunks(CHUNK) {
            for (found, event) in self.load(chunk).await? {
                if results.events.len() == asked.limit {
                    return Ok(passed_over);
                }
                match self.visible(searcher, asked, &mut results.sights, event).await? {
                    Some(visible) => results.events.push(Found { found, visible }),
                    None => passed_over += 1,
                }
            }
        }
        Ok(passed_over)
    }

    /// The events at the places that were found, as far as they are there.
    async fn load(&self, matches: &[Match]) -> Result<Vec<(Match, Arc<Event>)>> {
        let places: Vec<_> = matches.iter().map(|found| (found.room, found.position)).collect();
        let stored = events::at(&mut *self.storage.conn().await?, &places).await?;
        let mut events: BTreeMap<(RoomNid, Position), Arc<Event>> = BTreeMap::new();
        for stored in stored {
            let event = self.rooms.events().admit(stored)?;
            events.extend(event.position().map(|position| ((event.room_nid, position), event)));
        }
        let loaded = matches.iter().filter_map(|found| Some((*found, events.remove(&(found.room, found.position))?)));
        Ok(loaded.collect())
    }

    /// The event, if it is among what is searched and the searcher may see it.
    async fn visible(
        &self,
        searcher: &User,
        asked: &Asked,
        sights: &mut Sights,
        event: Arc<Event>,
    ) -> Result<Option<Visible>> {
        let is_of_group = match asked.token.map(|token| token.group) {
            Some(Group::Sender(sender)) => event.sender_nid == sender,
            _ => true,
        };
        // What was redacted may have its words still.
        if event.is_redacted() || !is_of_group || !asked.filter.passes(&event) {
            return Ok(None);
        }
        #[expect(clippy::map_entry, reason = "an entry cannot be held while the room is loaded")]
        if !sights.contains_key(&event.room_nid) {
            let view = self.rooms.load(event.room_nid).await?;
            let sight = self.rooms.sight(&view, searcher.nid).await?;
            sights.insert(event.room_nid, (view, sight));
        }
        let Some((view, sight)) = sights.get_mut(&event.room_nid) else { return Ok(None) };
        // "The search will not include rooms that are end to end encrypted."
        if view.is_encrypted() || !asked.filter.passes_room(&view.id) || sight.spares(&event) {
            return Ok(None);
        }
        let seen = sight.see(&event).await?;
        if !seen.is_visible {
            return Ok(None);
        }
        // What was erased is not found by what it said.
        Ok(Some(sight.shown(event, seen).await?).filter(|visible| !visible.event.is_redacted()))
    }
}

fn field(key: &SearchKeys) -> Result<Field> {
    match key {
        SearchKeys::ContentBody => Ok(Field::Body),
        SearchKeys::ContentName => Ok(Field::Name),
        SearchKeys::ContentTopic => Ok(Field::Topic),
        other => Err(Error::invalid_param(format!("One cannot search in {other}."))),
    }
}
