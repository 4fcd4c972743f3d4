//! Builds every service, each from those below it, so that a cycle cannot be built; starts and stops them
//! in order.

use std::{ops::Deref, sync::Arc, time::Duration};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    Result,
    actions::Actions,
    clock::Clock,
    commands::{Commands, Services as CommandServices},
    config::Config,
    intake::{Intake, Invitations, Listeners},
    matrix::{Access, Bot, Client},
    observers::Observers,
    policy_lists::{self, PolicyLists},
    proposals::Proposals,
    protections::{self, Guard},
    registration::Registration,
    reply::Reply,
    roles::Roles,
    rooms::Rooms,
    storage::{self, Storage},
    talk::Talk,
    tasks::Tasks,
    tokens::Tokens,
};

/// What the bot is called.
const NAME: &str = "Moderation";
/// How long connections to the database may take to be given back.
const CLOSING: Duration = Duration::from_millis(200);
/// How often it is looked whether there are new administrators to invite.
const STAFF_LOOK: Duration = Duration::from_secs(60);

/// This program; clones share it. Any number can live in one process.
#[derive(Clone, Debug)]
pub struct App(Arc<Services>);

/// What this program consists of.
#[derive(Debug)]
#[expect(missing_docs, reason = "each service is described where it is defined")]
pub struct Services {
    pub config: Config,
    pub registration: Registration,
    pub runtime: Handle,
    pub clock: Clock,
    pub tasks: Tasks,
    pub storage: Storage,
    pub bot: Bot,
    pub access: Access,
    pub roles: Roles,
    pub rooms: Rooms,
    pub tokens: Tokens,
    pub actions: Actions,
    pub guard: Guard,
    pub lists: PolicyLists,
    pub commands: Commands,
    pub intake: Intake,
}

impl Deref for App {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

impl App {
    /// Brings the database up to date and builds all services on the current runtime.
    ///
    /// Fails with [`Error::Unavailable`](crate::Error::Unavailable) while the database or the homeserver
    /// is away; it may be tried again then.
    pub async fn start(config: Config, registration: Registration, clock: Clock) -> Result<Self> {
        let storage = storage::open(&config).await?;
        let client = Client::new(&config.homeserver.url, registration.as_token.clone())?;
        let bot = Bot::find(client.clone()).await?;
        let access = Access::new(client);
        let roles = Roles::new(storage.clone(), clock.clone(), access.clone(), bot.clone());
        let rooms = Rooms::new(storage.clone(), clock.clone(), bot.clone());
        settle_in(&config, &bot, &roles, &rooms).await?;

        let tasks = Tasks::default();
        let tokens = Tokens::new(storage.clone(), clock.clone(), roles.clone());
        let actions =
            Actions::start(storage.clone(), clock.clone(), bot.clone(), access.clone(), rooms.clone(), &tasks);
        let proposals = Proposals::new(storage.clone(), clock.clone(), bot.clone());
        let guard = protections::Parts {
            storage: storage.clone(),
            clock: clock.clone(),
            bot: bot.clone(),
            access: access.clone(),
            rooms: rooms.clone(),
            roles: roles.clone(),
            actions: actions.clone(),
            proposals: proposals.clone(),
        };
        let guard = Guard::start(guard, config.protections.clone(), &tasks).await?;
        let lists = policy_lists::Parts {
            storage: storage.clone(),
            clock: clock.clone(),
            bot: bot.clone(),
            rooms: rooms.clone(),
            roles: roles.clone(),
            actions: actions.clone(),
        };
        let lists = PolicyLists::start(lists, config.policy_lists.clone(), &tasks);
        let commands = Commands::new(CommandServices {
            storage: storage.clone(),
            clock: clock.clone(),
            bot: bot.clone(),
            access: access.clone(),
            rooms: rooms.clone(),
            roles: roles.clone(),
            tokens: tokens.clone(),
            actions: actions.clone(),
            guard: guard.clone(),
            lists: lists.clone(),
        });
        let invitations =
            Invitations::new(bot.clone(), rooms.clone(), roles.clone(), config.rooms.accept_all_invitations);
        let listeners = Listeners {
            rooms: rooms.clone(),
            invitations,
            observers: Observers::new(vec![Box::new(guard.clone()), Box::new(lists.clone())]),
            talk: Talk::new(commands.clone(), proposals, config.operators.confirmation()),
        };
        let intake = Intake::start(storage.clone(), clock.clone(), listeners, &tasks);
        let (of_staff, roles_of_staff, rooms_of_staff) = (bot.clone(), roles.clone(), rooms.clone());
        tasks.start("staff", move |stop| {
            invite_staff(of_staff.clone(), roles_of_staff.clone(), rooms_of_staff.clone(), stop)
        });

        Ok(Self(Arc::new(Services {
            config,
            registration,
            runtime: Handle::current(),
            clock,
            tasks,
            storage,
            bot,
            access,
            roles,
            rooms,
            tokens,
            actions,
            guard,
            lists,
            commands,
            intake,
        })))
    }

    /// Ends the tasks, then closes the database. What is under way is done after the next start.
    pub async fn stop(&self) {
        self.tasks.stop().await;
        self.storage.close(CLOSING).await;
    }
}

/// Gives the bot its name, and makes the operators' room at the first start.
async fn settle_in(config: &Config, bot: &Bot, roles: &Roles, rooms: &Rooms) -> Result<()> {
    let staff = roles.staff().await?;
    let (room, is_new) = rooms.open_operators(&config.operators.room_name, &staff).await?;
    if is_new {
        bot.set_name(NAME).await?;
        let welcome = Reply::new("Welcome. Administrators of this server look after it here.")
            .line("`!mod help` tells what I can do. Invite me to the rooms that I am to look after, and make me a moderator there.");
        bot.say(&room, &welcome, "welcome").await?;
        info!(room.id = %room, "Made the operators' room");
    }
    Ok(())
}

/// Invites administrators who have never been in the operators' room.
async fn invite_staff(bot: Bot, roles: Roles, rooms: Rooms, stop: CancellationToken) {
    loop {
        let looked = async {
            let Some(room) = rooms.operators() else { return Ok::<(), crate::Error>(()) };
            for user in roles.staff().await?.iter() {
                // Who has left, or was put out, comes back by writing to the bot.
                if bot.member(&room, user).await?.is_none() {
                    bot.act_on(&room, "invite", user, None).await?;
                    info!(user.id = %user, "Invited an administrator to the operators' room");
                }
            }
            Ok(())
        };
        if let Err(fault) = looked.await {
            warn!(error = %fault, "Not all administrators are invited yet");
        }
        tokio::select! {
            () = tokio::time::sleep(STAFF_LOOK) => {}
            () = stop.cancelled() => return,
        }
    }
}
