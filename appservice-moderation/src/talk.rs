//! Talks with people: hears commands, shows what they would do, waits for a confirmation, tells what became
//! of it. What it says and does follows from the event that caused it, so it happens once.

mod outcome;

use std::time::Duration;

use ruma::{EventId, RoomId, UserId};

pub use self::outcome::describe;
use crate::{
    Error, Result,
    actions::{Author, Plan},
    commands::{self, Actor, Answer, Commands, Next},
    event::Event,
    proposals::{Offer, Proposals, Proposed},
    reply::Reply,
    rooms::Place,
    storage::proposals,
    time,
};

/// What commands begin with.
const PREFIX: &str = "!mod";
/// What confirms and what takes back, without signs of colour and shape.
const YES: [&str; 3] = ["👍", "✅", "✔"];
const NO: [&str; 3] = ["👎", "❌", "🚫"];
/// What was said so long ago is not done any more.
const STALE_MS: i64 = 3_600_000;
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
        if event.is_encrypted() || event.turns_on_encryption() {
            return self.meet_encryption(event, place).await;
        }
        let answered = match (event.reaction(), event.message().and_then(|text| command(text, place))) {
            (Some((event_id, key)), _) => self.decide(event, place, event_id, key).await,
            (None, Some(text)) => self.listen(event, place, text).await,
            (None, None) => return Ok(()),
        };
        match answered {
            Err(Error::Refused { message, .. }) => {
                self.say(&event.room_id, &Reply::new(message), &event.event_id, "refusal").await?;
                Ok(())
            }
            Err(fault @ Error::Internal(_)) => {
                self.excuse(event).await?;
                Err(fault)
            }
            answered => answered,
        }
    }

    /// Gives up an event at which the homeserver fails again and again. Fails while that is away altogether.
    pub async fn give_up(&self, event: &Event) -> Result<()> {
        self.commands.services().bot.check_homeserver().await?;
        match event.message().and_then(|text| command(text, &Place::Operators)) {
            Some(_) => self.excuse(event).await,
            None => Ok(()),
        }
    }

    /// Tells whoever sent an event that something is wrong here, and not with them.
    async fn excuse(&self, event: &Event) -> Result<()> {
        let reply = Reply::new("Something went wrong here; the log of this program tells more.");
        self.say(&event.room_id, &reply, &event.event_id, "excuse").await?;
        Ok(())
    }

    /// Listens to a command, if it comes from somebody who may command here.
    async fn listen(&self, event: &Event, place: &Place, text: &str) -> Result<()> {
        let Some(actor) = self.actor(&event.sender, event, place).await? else { return Ok(()) };
        let age_ms = self.commands.services().clock.now_ms().saturating_sub(event.origin_server_ts);
        if age_ms > STALE_MS {
            let ago = time::words(age_ms);
            return Err(Error::invalid(format!(
                "You said that {ago} ago, and I hear it only now: things may have changed. Please say it again."
            )));
        }
        self.answer(&actor, event, text).await
    }

    /// Says where it goes on, where the bot cannot read.
    async fn meet_encryption(&self, event: &Event, place: &Place) -> Result<()> {
        let services = self.commands.services();
        let (room, user) = (&event.room_id, &event.sender);
        match place {
            Place::Chat(_) | Place::Operators if services.bot.is_local(user) => {
                services.rooms.move_from_encrypted(room, user, &event.event_id).await
            }
            Place::Protected if event.turns_on_encryption() => {
                let text = "This room is encrypted now: I still see who comes and goes, but cannot read commands here.";
                self.say(room, &Reply::new(text), &event.event_id, "encryption").await.map(drop)
            }
            _ => Ok(()),
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
        let is_chat = matches!(place, Place::Chat(_));
        let actor = Actor {
            user_id: user.to_owned(),
            role,
            room,
            cause: event.event_id.to_string(),
            is_alone: is_chat && services.bot.joined_members(&event.room_id).await?.len() <= 2,
            origin: "operator",
        };
        if is_chat {
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
        match services.rooms.operators() {
            Some(room) => services.bot.invite_if_away(&room, user).await,
            None => Ok(()),
        }
    }

    async fn answer(&self, actor: &Actor, event: &Event, text: &str) -> Result<()> {
        let room = &event.room_id;
        // The process ended before it had told what became of it.
        if let Some(case_id) = self.commands.services().actions.begun(&actor.cause).await? {
            return self.tell_outcome(room, &event.event_id, &case_id).await;
        }
        match self.commands.answer(actor, text).await? {
            Answer::Told(reply, _) => {
                self.say(room, &reply, &event.event_id, "answer").await?;
                Ok(())
            }
            Answer::Planned { plan, next: Next::Act, .. } => {
                self.carry_out(room, &event.event_id, &Author::operator(&actor.user_id), &plan).await
            }
            Answer::Planned { preview, next: Next::Tell, .. } => {
                let reply = preview.line("Nothing is done.");
                self.say(room, &reply, &event.event_id, "answer").await?;
                Ok(())
            }
            Answer::Planned { preview, plan, next: Next::Ask, .. } => {
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
        let Some(actor) = self.actor(&event.sender, event, place).await? else { return Ok(()) };
        if !actor.may(command) {
            return Err(actor.lacks_permission());
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
        let case_id = self.commands.services().actions.open(cause.as_str(), author, plan).await?;
        self.tell_outcome(room, cause, &case_id).await
    }

    async fn tell_outcome(&self, room: &RoomId, cause: &EventId, case_id: &str) -> Result<()> {
        let services = self.commands.services();
        let account = services.actions.settled(case_id, PATIENCE).await?;
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
    let (start, rest) = text.split_at_checked(PREFIX.len()).unwrap_or(("", text));
    match Some(rest).filter(|_| start.eq_ignore_ascii_case(PREFIX)) {
        Some(rest) if rest.is_empty() || rest.starts_with(char::is_whitespace) => Some(rest.trim()),
        _ if matches!(place, Place::Chat(_)) && !text.is_empty() => Some(text),
        _ => None,
    }
}
