//! Redacts what a user said, in some rooms or in all.

use std::{collections::BTreeMap, sync::Arc};

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, UserId, events::TimelineEventType};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Moderation,
    errands::{self, Kind},
};
use crate::{
    Error, Result,
    accounts::User,
    event::Event,
    rooms::{draft::Wish, view::View},
    storage::{
        errands::{Errand, State},
        numbers::{Position, UserNid},
    },
};

/// Events that are looked at for each room, if nothing else is asked for.
const LIMIT: u32 = 1000;
/// Events that are read at a time.
const PAGE: usize = 100;

/// What is to be redacted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RedactionRequest {
    /// In which rooms; in all, if none is named.
    pub rooms: Vec<OwnedRoomId>,
    /// Why.
    pub reason: Option<String>,
    /// How many of the newest events of each room are looked at.
    pub limit: Option<u32>,
    /// Whether they are redacted in the name of the administrator, not of the user.
    pub is_by_administrator: bool,
    /// Only what was sent after this time, in ms since the epoch.
    pub after_ms: Option<i64>,
    /// Only what was sent before this time.
    pub before_ms: Option<i64>,
}

/// How far a redaction has come.
#[derive(Clone, Debug)]
pub struct RedactionStatus {
    /// Whether it has ended, and how.
    pub state: State,
    /// The events that could not be redacted, and why.
    pub failed: BTreeMap<OwnedEventId, String>,
    /// How many were redacted.
    pub redacted: u64,
    /// Why it failed as a whole.
    pub error: Option<String>,
}

/// What is stored of that.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    #[serde(default)]
    failed: BTreeMap<OwnedEventId, String>,
    #[serde(default)]
    redacted: u64,
    #[serde(default)]
    error: Option<String>,
}

impl Moderation {
    /// Begins to redact what a user said, who may be one of another server; returns the ID by which to ask
    /// how far it has come.
    pub async fn redact(&self, caller: &User, user_id: &UserId, request: &RedactionRequest) -> Result<String> {
        if self.storage.find_user_nid(user_id).await?.is_none() {
            return Err(Error::not_found("This server does not know that user."));
        }
        let mut event = Self::act(caller, "user.redact").on(user_id).detail("rooms", request.rooms.len());
        if let Some(reason) = &request.reason {
            event = event.private("reason", reason.as_str());
        }
        self.begin(caller, Kind::Redaction, user_id.as_str(), (request, &Progress::default()), event).await
    }

    /// How far a redaction has come.
    pub async fn redaction(&self, id: &str) -> Result<RedactionStatus> {
        let errand = self.errand(Kind::Redaction, id).await?;
        let Progress { failed, redacted, error } = errands::parse(&errand.progress)?;
        Ok(RedactionStatus { state: errand.state, failed, redacted, error })
    }

    /// Does the errand. Events that are redacted already are passed over, so it can begin anew.
    pub(super) async fn redact_all(&self, errand: &Errand) -> Result<()> {
        let request: RedactionRequest = errands::parse(&errand.request)?;
        let mut progress: Progress = errands::parse(&errand.progress)?;
        let user_id = OwnedUserId::try_from(errand.subject.as_str())
            .map_err(|_| Error::internal("the subject of a redaction is not a user"))?;
        let Some(user) = self.storage.find_user_nid(&user_id).await? else { return Ok(()) };
        for view in self.rooms_to_redact(user, &request).await? {
            let sender = Sender { user_id: &user_id, user };
            self.redact_in(errand, &request, &view, sender, &mut progress).await?;
            self.advance(errand, &progress).await?;
        }
        Ok(())
    }

    async fn rooms_to_redact(&self, user: UserNid, request: &RedactionRequest) -> Result<Vec<Arc<View>>> {
        let mut views = Vec::new();
        if request.rooms.is_empty() {
            for member in crate::storage::rooms::of_user(&mut *self.conn().await?, user).await? {
                views.extend(self.rooms.find_by_nid(member.room).await?);
            }
        }
        for room_id in &request.rooms {
            views.extend(self.rooms.find(room_id).await?);
        }
        Ok(views)
    }

    async fn redact_in(
        &self,
        errand: &Errand,
        request: &RedactionRequest,
        view: &View,
        sender: Sender<'_>,
        progress: &mut Progress,
    ) -> Result<()> {
        let (mut below, mut left) = (Position(i64::MAX), request.limit.unwrap_or(LIMIT) as usize);
        while left > 0 {
            let wanted = left.min(PAGE);
            let events = self.rooms.sent_by(view.nid, sender.user, below, wanted).await?;
            let Some(last) = events.last().and_then(|event| event.position()) else { return Ok(()) };
            let is_end = events.len() < wanted;
            (below, left) = (last, left - events.len());
            for event in events.iter().filter(|event| request.means(event)) {
                match self.redact_one(errand, request, view, sender, event).await {
                    Ok(()) => progress.redacted += 1,
                    Err(refusal @ (Error::Refused { .. } | Error::Denied(_))) => {
                        progress.failed.insert(event.id().to_owned(), errands::sentence(&refusal));
                    }
                    Err(fault) => return Err(fault),
                }
            }
            if is_end {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn redact_one(
        &self,
        errand: &Errand,
        request: &RedactionRequest,
        view: &View,
        sender: Sender<'_>,
        event: &Event,
    ) -> Result<()> {
        let content = request.reason.as_ref().map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
        let mut wish = Wish::state_of("m.room.redaction", "", &content)?;
        wish.state_key = None;
        wish.redacts = Some(event.id().to_owned());
        let is_local = sender.user_id.server_name() == self.rooms.server_name();
        let by_user = is_local && !request.is_by_administrator && view.is_joined(sender.user);
        // Somebody who was thrown out cannot speak any more, not even to take something back.
        let by = if by_user { sender.user_id } else { &*errand.caller_id };
        self.rooms.say(by, view.nid, wish, None).await.map(drop)
    }
}

/// Whose events are redacted.
#[derive(Clone, Copy)]
struct Sender<'a> {
    user_id: &'a UserId,
    user: UserNid,
}

impl RedactionRequest {
    /// Whether an event is to be redacted. Of state only what the user said of themselves is: the room's
    /// own state has to be put right by somebody who knows how.
    fn means(&self, event: &Event) -> bool {
        let is_own = match event.state_key() {
            None => *event.kind() != TimelineEventType::RoomRedaction,
            Some(key) => *event.kind() == TimelineEventType::RoomMember && key == event.sender(),
        };
        let at: i64 = event.pdu.origin_server_ts.0.into();
        let is_then = self.after_ms.is_none_or(|after| at > after) && self.before_ms.is_none_or(|before| at < before);
        is_own && is_then && !event.is_redacted()
    }
}
