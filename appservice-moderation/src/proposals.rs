//! Shows people what would be done, and waits until somebody who may confirms it.

use ruma::{EventId, OwnedEventId, OwnedUserId, RoomId};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    actions::{Author, Plan},
    clock::Clock,
    matrix::Bot,
    reply::Reply,
    storage::{
        Storage,
        proposals::{self, Proposal},
    },
};

/// What waits for a confirmation, as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Proposed {
    /// The command that whoever confirms must be allowed to use.
    pub verb: String,
    /// By what way it came, if nobody asked for it: then whoever confirms stands behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// What would be done.
    pub plan: Plan,
}

/// A proposal that is to be shown.
#[derive(Clone, Debug)]
pub struct Offer<'a> {
    /// Where.
    pub room: &'a RoomId,
    /// What it follows from; the same event makes only one proposal.
    pub cause: &'a EventId,
    /// Who asked for it.
    pub asked_by: OwnedUserId,
    /// What would be done, in words.
    pub shown: Reply,
    /// What would be done.
    pub proposed: &'a Proposed,
    /// For how long it can be confirmed, in milliseconds.
    pub wait_ms: i64,
}

/// Shows proposals; clones share everything.
#[derive(Clone, Debug)]
pub struct Proposals {
    storage: Storage,
    clock: Clock,
    bot: Bot,
}

impl Proposals {
    /// Proposals of `bot`.
    pub fn new(storage: Storage, clock: Clock, bot: Bot) -> Self {
        Self { storage, clock, bot }
    }

    /// Shows what would be done, with a reaction that people need only tap.
    pub async fn offer(&self, offer: Offer<'_>) -> Result<OwnedEventId> {
        let now_ms = self.clock.now_ms();
        let proposal = Proposal {
            proposal_id: offer.cause.to_string(),
            room_id: offer.room.to_owned(),
            asked_by: offer.asked_by,
            plan: serde_json::to_vec(offer.proposed).map_err(anyhow::Error::from)?,
            expires_at: now_ms.saturating_add(offer.wait_ms),
        };
        proposals::insert(&mut *self.storage.conn().await?, &proposal, now_ms).await?;
        let event_id = self.bot.say(offer.room, &offer.shown, &format!("{}-proposal", offer.cause)).await?;
        proposals::show(&mut *self.storage.conn().await?, &proposal.proposal_id, event_id.as_str()).await?;
        self.bot.react(offer.room, &event_id, "👍", &format!("{}-offer", offer.cause)).await?;
        Ok(event_id)
    }
}

impl Proposed {
    /// Reads what was stored.
    pub fn read(stored: &[u8]) -> Result<Self> {
        serde_json::from_slice(stored)
            .map_err(|fault| Error::internal(format!("A stored proposal cannot be read: {fault}.")))
    }

    /// Who stands behind it: whoever asked, or whoever confirmed if nobody did.
    pub fn author(&self, asked_by: &OwnedUserId, confirmed_by: &OwnedUserId) -> Author {
        match &self.origin {
            Some(origin) => Author { user_id: confirmed_by.clone(), origin: origin.clone() },
            None => Author::operator(asked_by),
        }
    }
}
