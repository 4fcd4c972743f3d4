//! Commands: what people and programs can ask for. One table says what there is; each command makes of a
//! request either an answer or a plan, and whoever calls it decides whether the plan needs a confirmation.

mod accounts;
mod answer;
mod arguments;
mod cases;
mod help;
mod lists;
mod lockdown;
mod people;
mod plan;
mod protect;
mod reach;
mod rooms;
mod rules;
mod servers;
mod staff;
mod target;
#[cfg(test)]
mod tests;
mod undo;
mod who;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use ruma::{OwnedRoomId, OwnedUserId};

pub use self::{
    answer::{Answer, Next},
    arguments::Arguments,
    cases::facts_of,
    target::Target,
};
use crate::{
    Error, Result,
    actions::Actions,
    clock::Clock,
    matrix::{Access, Bot, PowerLevels},
    policy_lists::PolicyLists,
    protections::Guard,
    roles::{Permission, Role, Roles},
    rooms::Rooms,
    storage::Storage,
    tokens::Tokens,
};

/// What a command makes of a request.
pub type Handler = for<'a> fn(&'a Services, &'a Actor, &'a Arguments) -> BoxFuture<'a, Result<Answer>>;

/// A command.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Its name.
    pub verb: &'static str,
    /// What follows the name.
    pub usage: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// One use of it.
    pub example: &'static str,
    /// What it takes on the whole server.
    pub needs: Permission,
    /// What it takes in a single room, if it makes sense there.
    pub in_room: Option<Power>,
    /// What it does.
    pub handler: Handler,
}

/// What somebody needs the power for in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Kicking.
    Kick,
    /// Banning.
    Ban,
    /// Redacting what others said.
    Redact,
    /// Changing the power of others.
    ChangePower,
    /// Shutting servers out.
    ShutOut,
}

/// Who asks, and where.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who.
    pub user_id: OwnedUserId,
    /// Their role on the server.
    pub role: Option<Role>,
    /// The room that all is about, if they ask in one that is looked after, with its powers.
    pub room: Option<(OwnedRoomId, PowerLevels)>,
    /// What caused the request, for acts that happen once: the event's ID, or what a program chose.
    pub cause: String,
    /// Whether nobody else reads the answer: in a chat, or as a program.
    pub is_alone: bool,
    /// By what way: `operator` or `api`.
    pub origin: &'static str,
}

/// What commands work with.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each service is described where it is defined")]
pub struct Services {
    pub storage: Storage,
    pub clock: Clock,
    pub bot: Bot,
    pub access: Access,
    pub rooms: Rooms,
    pub roles: Roles,
    pub tokens: Tokens,
    pub actions: Actions,
    pub guard: Guard,
    pub lists: PolicyLists,
}

/// All commands; clones share them.
#[derive(Clone, Debug)]
pub struct Commands {
    services: Arc<Services>,
}

/// The table of all commands, in the order of the help.
pub fn table() -> impl Iterator<Item = &'static Command> {
    [
        help::COMMANDS,
        who::COMMANDS,
        people::COMMANDS,
        rooms::COMMANDS,
        protect::COMMANDS,
        lists::COMMANDS,
        rules::COMMANDS,
        accounts::COMMANDS,
        lockdown::COMMANDS,
        cases::COMMANDS,
        undo::COMMANDS,
        staff::COMMANDS,
    ]
    .into_iter()
    .flatten()
}

impl Commands {
    /// Commands that work with `services`.
    pub fn new(services: Services) -> Self {
        Self { services: Arc::new(services) }
    }

    /// What they work with.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Answers what somebody wrote after `!mod`.
    pub async fn answer(&self, actor: &Actor, text: &str) -> Result<Answer> {
        let words = arguments::words(text)?;
        let (verb, rest) = words.split_first().map_or(("help", [].as_slice()), |(verb, rest)| (verb.as_str(), rest));
        let command = find(&verb.to_lowercase())?;
        let arguments = Arguments::parse(rest)?;
        self.run(command, actor, &arguments).await
    }

    /// Answers a request for `command`, if `actor` may make it.
    pub async fn run(&self, command: &Command, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
        if !actor.may(command) {
            return Err(actor.lacks_permission());
        }
        if !arguments.is_set("publish") {
            return (command.handler)(&self.services, actor, arguments).await;
        }
        lists::may_publish_too(actor, command)?;
        let answer = (command.handler)(&self.services, actor, arguments).await?;
        lists::publish_too(&self.services, arguments, answer).await
    }
}

/// The command with a name.
pub fn find(verb: &str) -> Result<&'static Command> {
    if let Some(command) = table().find(|command| command.verb == verb) {
        return Ok(command);
    }
    let near = table().map(|command| (help::distance(verb, command.verb), command.verb)).min();
    let hint = match near {
        Some((distance, near)) if distance <= 2 => format!(" Do you mean `{near}`?"),
        _ => " `!mod help` lists what there is.".to_owned(),
    };
    Err(Error::invalid(format!("There is no command `{verb}`.{hint}")))
}

impl Actor {
    /// Whether they may use a command: by their role, or by their power in the room.
    pub fn may(&self, command: &Command) -> bool {
        self.role.is_some_and(|role| role.may(command.needs)) || self.has_power(command.in_room)
    }

    /// The refusal of what they may not do.
    pub fn lacks_permission(&self) -> Error {
        Error::forbidden(match self.role {
            Some(role) => format!("As {} you may not do this.", role.name()),
            None => "You may not do this.".to_owned(),
        })
    }

    fn has_power(&self, power: Option<Power>) -> bool {
        let (Some(power), Some((_, levels))) = (power, &self.room) else { return false };
        levels.of(&self.user_id) >= power.needed(levels)
    }

    /// The room in which they ask, if it is one that is looked after.
    fn here(&self) -> Option<&OwnedRoomId> {
        self.room.as_ref().map(|(room, _)| room)
    }

    /// Whether they act in rooms by their role; without one, their power there counts.
    fn acts_by_role(&self) -> bool {
        self.role.is_some_and(|role| role.may(Permission::ActInRooms))
    }

    /// Whether they look after the room in which they ask, or have a role.
    pub fn is_somebody(&self) -> bool {
        self.role.is_some() || self.has_power(Some(Power::Kick)) || self.has_power(Some(Power::Redact))
    }
}

impl Power {
    /// How much it takes in a room.
    pub fn needed(self, levels: &PowerLevels) -> i64 {
        match self {
            Self::Kick => levels.needed("kick", 50),
            Self::Ban => levels.needed("ban", 50),
            Self::Redact => levels.needed("redact", 50),
            Self::ChangePower => levels.needed_for_state("m.room.power_levels"),
            Self::ShutOut => levels.needed_for_state("m.room.server_acl"),
        }
    }
}
