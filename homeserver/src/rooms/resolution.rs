//! Resolves the states after an event's parents into the one state before it.

mod conflict;
mod known;
mod v1;
mod v2;

use std::{collections::HashSet, sync::Arc, thread};

use ruma::{
    events::{StateEventType, TimelineEventType},
    room_version_rules::{AuthorizationRules, RoomVersionRules, StateResolutionV2Rules, StateResolutionVersion},
    state_res::auth_types_for_event,
};
use tokio::sync::Semaphore;

use self::{conflict::Conflict, known::Known};
use super::{
    auth_graph::{AuthGraph, AuthGraphs},
    events::Events,
    snapshots::StateMap,
};
use crate::{
    Error, Result,
    event::Event,
    storage::{
        Storage,
        numbers::{EventNid, RoomNid, StateKeyNid},
    },
};

/// Resolves states; clones share what they remember of rooms.
#[derive(Clone, Debug)]
pub struct Resolver {
    storage: Storage,
    events: Events,
    graphs: AuthGraphs,
    threads: Arc<Semaphore>,
}

impl Resolver {
    /// A resolver of the states of all rooms.
    pub fn new(storage: Storage, events: Events) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let graphs = AuthGraphs::new(storage.clone(), events.clone());
        Self { storage, events, graphs, threads: Arc::new(Semaphore::new(threads)) }
    }

    /// Which events of a room authorise which.
    pub fn graphs(&self) -> &AuthGraphs {
        &self.graphs
    }

    /// Resolves states of `room`, all of whose events are known to [`Events`].
    pub async fn resolve(&self, rules: &RoomVersionRules, room: RoomNid, states: Vec<StateMap>) -> Result<StateMap> {
        let conflict = match Conflict::between(&states) {
            Ok(agreed) => return Ok(agreed),
            Err(conflict) => conflict,
        };
        let authorization = rules.authorization.clone();
        match rules.state_res {
            StateResolutionVersion::V1 => self.resolve_v1(authorization, conflict).await,
            StateResolutionVersion::V2(tweaks) => self.resolve_v2(authorization, tweaks, room, conflict).await,
            _ => Err(Error::internal("the room version has an unknown state resolution")),
        }
    }

    async fn resolve_v1(&self, rules: AuthorizationRules, conflict: Conflict) -> Result<StateMap> {
        let conflict = conflict.without_absences();
        let known = self.known(&rules, &conflict, &conflict.events()).await?;
        self.on_thread(move || Ok(v1::resolve(&rules, &conflict, &known))).await
    }

    async fn resolve_v2(
        &self,
        rules: AuthorizationRules,
        tweaks: StateResolutionV2Rules,
        room: RoomNid,
        conflict: Conflict,
    ) -> Result<StateMap> {
        let conflict = Arc::new(conflict);
        let (graph, extent) = self.extent(tweaks, room, &conflict).await?;
        let mut known = self.known(&rules, &conflict, &extent.events(&conflict)).await?;
        self.add_auth_events(&mut known, &graph).await?;
        self.on_thread(move || v2::resolve(&rules, tweaks, &conflict, &extent, &known)).await
    }

    async fn extent(
        &self,
        tweaks: StateResolutionV2Rules,
        room: RoomNid,
        conflict: &Arc<Conflict>,
    ) -> Result<(Arc<AuthGraph>, v2::Extent)> {
        let mut events = conflict.events();
        let graph = self.graphs.with(room, &events).await?;
        let work = (graph.clone(), conflict.clone());
        if let Some(extent) = self.on_thread(move || Ok(v2::Extent::of_most(tweaks, &work.0, &work.1))).await? {
            return Ok((graph, extent));
        }
        drop(graph);
        events.extend(conflict.unconflicted.values());
        let graph = self.graphs.with(room, &events).await?;
        let work = (graph.clone(), conflict.clone());
        let extent = self.on_thread(move || Ok(v2::Extent::of_all(tweaks, &work.0, &work.1))).await?;
        Ok((graph, extent))
    }

    /// Loads `events`, which are in question, and the undisputed ones by which they are checked.
    async fn known(&self, rules: &AuthorizationRules, conflict: &Conflict, events: &[EventNid]) -> Result<Known> {
        let events = self.events.load_many(events).await?;
        let mut keys = HashSet::from([(StateEventType::RoomCreate, String::new())]);
        for event in &events {
            // One that is malformed will be found not to be allowed.
            keys.extend(auth_types_of(event, rules).unwrap_or_default());
        }
        let mut undisputed = Vec::new();
        for (kind, state_key) in keys {
            let key = self.storage.find_state_key_nid(&kind.to_string(), &state_key).await?;
            undisputed.extend(key.and_then(|key| conflict.unconflicted.get(&key)));
        }
        let undisputed = self.events.load_many(&undisputed).await?;
        Ok(Known::new(events.into_iter().chain(undisputed)))
    }

    /// Adds what authorises the known events, and all power levels below them: the mainline and the
    /// ways to it.
    async fn add_auth_events(&self, known: &mut Known, graph: &AuthGraph) -> Result<()> {
        let mut open: Vec<EventNid> = known.events().map(|event| event.nid).collect();
        while !open.is_empty() {
            let auth: HashSet<EventNid> = open.iter().flat_map(|event| graph.auth(*event)).collect();
            let auth: Vec<EventNid> = auth.into_iter().filter(|event| !known.contains(*event)).collect();
            let auth = self.events.load_many(&auth).await?;
            open = auth.iter().filter(|event| is_power_levels(event)).map(|event| event.nid).collect();
            known.extend(auth);
        }
        Ok(())
    }

    /// Runs `work`, which may take long, where it does not keep others waiting.
    async fn on_thread<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let permit = self.threads.clone().acquire_owned().await;
        let _permit = permit.expect("the semaphore is never closed");
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|fault| Error::internal(format!("a state resolution has panicked: {fault}")))?
    }
}

fn auth_types_of(event: &Event, rules: &AuthorizationRules) -> Result<Vec<(StateEventType, String)>, String> {
    auth_types_for_event(event.kind(), event.sender(), event.state_key(), event.content(), rules)
}

fn is_power_levels(event: &Event) -> bool {
    *event.kind() == TimelineEventType::RoomPowerLevels && event.state_key() == Some("")
}

/// The type and state key of a state event.
fn key_of(event: &Event) -> (StateEventType, String) {
    (event.kind().to_string().into(), event.state_key().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests;
