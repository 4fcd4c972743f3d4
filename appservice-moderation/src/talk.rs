//! Talks with people: hears commands, shows what they would do, waits for a confirmation, tells what became
//! of it. What it says and does follows from the event that caused it, so it happens once.

mod outcome;

use std::time::Duration;

use ruma::{EventId, RoomId, UserId};

pub use self::outcome::describe;
use crate::{
    Error, Result,
    actions::{Author, Plan},
    commands::{self, Actor, Answer, Commands},
    event::Event,
    proposals::{Offer, Proposals, Proposed},
    reply::Reply,
    rooms::Place,
    storage::proposals,
};

/// What commands begin with.
const PREFIX: &str = "!mod";
/// What confirms and what takes back, without signs of colour and shape.
const YES: [&str; 3] = ["👍", "✅", "✔"];
const NO: [&str; 3] = ["👎", "❌", "🚫"];
/// How long people wait to be told that it is done; what takes longer is told of with `case`.
const PATIENCE: Duration = Duration::from_secs(5);

/// Talks; clones share everything.
#[derive(Clone, Debug)]
pub struct Talk {
    commands: Commands,
    proposals: Proposals,
    confirmation: Duration,
}

impl Talk {
    /// Talks about `commands`; `proposals` wait for `confirmation`.
    pub fn new(commands: Commands, proposals: Proposals, confirmation: Duration) -> Self {
        Self { commands, proposals, confirmation }
    }

    /// Hears an event in a room.
    pub async fn hear(&self, event: &Event, place: &Place) -> Result<()> {
        if *event.sender == *self.commands.services().bot.user_id() || *place == Place::Other {
            return Ok(());
        }
        if let Some((event_id, key)) = event.reaction() {
            return self.decide(event, place, event_id, key).await;
        }
        let Some(text) = event.message().and_then(|text| command(text, place)) else { return Ok(()) };
        let Some(actor) = self.actor(&event.sender, event, place).await? else { return Ok(()) };
        match self.answer(&actor, event, text).await {
            Err(Error::Refused { message, .. }) => {
                self.say(&event.room_id, &Reply::new(message), &event.event_id, "refusal").await?;
                Ok(())
            }
            answered => answered,
        }
    }

    /// Who speaks, if the bot listens to them here.
    async fn actor(&self, user: &UserId, event: &Event, place: &Place) -> Result<Option<Actor>> {
        let services = self.commands.services();
        let role = services.roles.of(user).await?;
        let room = match place {
            Place::Protected => Some((event.room_id.clone(), services.bot.power_levels(&event.room_id).await?)),
            _ => None,
        };
        let actor = Actor {
            user_id: user.to_owned(),
            role,
            room,
            cause: event.event_id.to_string(),
            is_alone: matches!(place, Place::Chat(_)),
            origin: "operator",
        };
        if matches!(place, Place::Chat(_)) {
            if role.is_some() {
                self.let_in(user).await?;
            } else {
                let reply = Reply::new("I help those who look after this server. You have no role here.");
                self.say(&event.room_id, &reply, &event.event_id, "stranger").await?;
            }
        }
        // Nobody can make the bot talk in a room who does not look after it.
        Ok(Some(actor).filter(Actor::is_somebody))
    }

    /// Invites somebody with a role into the operators' room, unless they are there.
    async fn let_in(&self, user: &UserId) -> Result<()> {
        let services = self.commands.services();
        let Some(room) = services.rooms.operators() else { return Ok(()) };
        let member = services.bot.member(&room, user).await?;
        if member.is_none_or(|member| member["membership"] == "leave") {
            services.bot.act_on(&room, "invite", user, None).await?;
        }
        Ok(())
    }

    async fn answer(&self, actor: &Actor, event: &Event, text: &str) -> Result<()> {
        let room = &event.room_id;
        match self.commands.answer(actor, text).await? {
            Answer::Told(reply, _) => {
                self.say(room, &reply, &event.event_id, "answer").await?;
                Ok(())
            }
            Answer::Planned { plan, needs_confirmation: false, .. } => {
                self.carry_out(room, &event.event_id, &Author::operator(&actor.user_id), &plan).await
            }
            Answer::Planned { preview, plan, .. } => {
                let verb = text.split_whitespace().next().unwrap_or_default().to_lowercase();
                self.propose(event, preview, &Proposed { verb, origin: None, plan }).await
            }
        }
    }

    /// Shows what would be done, and waits for a confirmation.
    async fn propose(&self, event: &Event, preview: Reply, proposed: &Proposed) -> Result<()> {
        let minutes = self.confirmation.as_secs() / 60;
        let offer = Offer {
            room: &event.room_id,
            cause: &event.event_id,
            asked_by: event.sender.clone(),
            shown: preview.line(format!("React with 👍 within {minutes} minutes to do it, or with 👎 to leave it.")),
            proposed,
            wait_ms: i64::try_from(self.confirmation.as_millis()).unwrap_or(i64::MAX),
        };
        self.proposals.offer(offer).await?;
        Ok(())
    }

    /// Takes a reaction to a proposal as its confirmation or refusal.
    async fn decide(&self, event: &Event, place: &Place, event_id: &str, key: &str) -> Result<()> {
        let is = |keys: &[&str]| keys.iter().any(|known| key.starts_with(known));
        if !is(&YES) && !is(&NO) {
            return Ok(());
        }
        let services = self.commands.services();
        let found = proposals::find_by_event(&mut *services.storage.conn().await?, event_id).await?;
        let Some(proposal) = found.filter(|proposal| proposal.room_id == event.room_id) else { return Ok(()) };
        let proposed = Proposed::read(&proposal.plan)?;
        let command = commands::find(&proposed.verb)?;
        let actor = self.actor(&event.sender, event, place).await?;
        if !actor.is_some_and(|actor| actor.may(command)) {
            return Ok(());
        }
        let Ok(cause) = EventId::parse(&proposal.proposal_id) else { return Ok(()) };
        if is(&NO) {
            proposals::close(&mut *services.storage.conn().await?, &proposal.proposal_id, "refused").await?;
            self.say(&event.room_id, &Reply::new("Nothing is done."), &cause, "outcome").await?;
            return Ok(());
        }
        if services.clock.now_ms() > proposal.expires_at {
            let reply = Reply::new("That was too long ago: things may have changed. Please ask again.");
            self.say(&event.room_id, &reply, &cause, "outcome").await?;
            return Ok(());
        }
        let author = proposed.author(&proposal.asked_by, &event.sender);
        self.carry_out(&event.room_id, &cause, &author, &proposed.plan).await?;
        proposals::close(&mut *services.storage.conn().await?, &proposal.proposal_id, "confirmed").await?;
        Ok(())
    }

    /// Does what was planned, and tells what became of it.
    async fn carry_out(&self, room: &RoomId, cause: &EventId, author: &Author, plan: &Plan) -> Result<()> {
        let services = self.commands.services();
        let case_id = services.actions.open(cause.as_str(), author, plan).await?;
        let account = services.actions.settled(&case_id, PATIENCE).await?;
        let reply = describe(&account, services.clock.now_ms());
        self.say(room, &reply, cause, "outcome").await?;
        Ok(())
    }

    /// Says something that follows from an event, once.
    async fn say(&self, room: &RoomId, reply: &Reply, cause: &EventId, what: &str) -> Result<ruma::OwnedEventId> {
        self.commands.services().bot.say(room, reply, &format!("{cause}-{what}")).await
    }
}

/// What somebody commands: what follows the prefix, which can be left out in a chat.
fn command<'a>(text: &'a str, place: &Place) -> Option<&'a str> {
    let text = text.trim();
    match text.strip_prefix(PREFIX) {
        Some(rest) if rest.is_empty() || rest.starts_with(char::is_whitespace) => Some(rest.trim()),
        _ if matches!(place, Place::Chat(_)) && !text.is_empty() => Some(text),
        _ => None,
    }
}
