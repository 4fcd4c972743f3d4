//! Forgets what was said in a room until some time.

use ruma::{EventId, OwnedRoomId, RoomId};
use serde::{Deserialize, Serialize};

use super::{
    Moderation,
    errands::{self, Kind},
};
use crate::{
    Error, Result,
    accounts::User,
    storage::{
        errands::{Errand, State},
        events,
        numbers::Position,
    },
};

/// What goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Request {
    until: i64,
    with_local: bool,
}

/// What is stored of how far it has come.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    #[serde(default)]
    error: Option<String>,
}

/// Until when things go.
#[derive(Clone, Copy, Debug)]
pub enum Until<'a> {
    /// Until this event, which stays.
    Event(&'a EventId),
    /// Until this time, in ms since the epoch.
    Time(i64),
}

impl Moderation {
    /// Begins to delete what was said in a room; what users of this server said only if `with_local`. Returns
    /// the ID by which to ask how far it has come.
    pub async fn purge(&self, caller: &User, room_id: &RoomId, until: Until<'_>, with_local: bool) -> Result<String> {
        let view = self.known_room(room_id).await?;
        let unknown = || Error::not_found("There is no event of that room until then.");
        let until = match until {
            Until::Event(id) => {
                let event = self.rooms.events().find(id).await?.filter(|event| event.room_nid == view.nid);
                event.and_then(|event| event.position()).ok_or_else(unknown)?.0 - 1
            }
            Until::Time(at_ms) => {
                let found = events::nearest(&mut *self.conn().await?, view.nid, at_ms, false, 1).await?;
                found.first().and_then(|event| event.position).ok_or_else(unknown)?.0
            }
        };
        let event =
            Self::act(caller, "room.purge").detail("room_id", room_id.as_str()).detail("with_local", with_local);
        let request = Request { until, with_local };
        self.begin(caller, Kind::History, room_id.as_str(), (&request, &Progress::default()), event).await
    }

    /// Whether a purge has ended, and why it failed, if it did.
    pub async fn purged(&self, id: &str) -> Result<(State, Option<String>)> {
        let errand = self.errand(Kind::History, id).await?;
        Ok((errand.state, errands::parse::<Progress>(&errand.progress)?.error))
    }

    /// Does the errand.
    pub(super) async fn purge_history(&self, errand: &Errand) -> Result<()> {
        let request: Request = errands::parse(&errand.request)?;
        let room_id = OwnedRoomId::try_from(errand.subject.as_str())
            .map_err(|_| Error::internal("the subject of a purge is not a room"))?;
        let view = self.known_room(&room_id).await?;
        self.rooms.purge_history(&view, Position(request.until), request.with_local).await
    }
}
