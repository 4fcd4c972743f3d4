//! Makes tokens for programs on the machine itself, beside a running moderation.

use ruma::OwnedUserId;

use super::output::say;
use crate::{
    clock::Clock,
    config::Config,
    matrix::{Access, Bot, Client},
    registration::Registration,
    roles::{Role, Roles},
    storage, time,
    tokens::Tokens,
};

/// What the token is to be.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// For whom it acts: a user with a role.
    user: OwnedUserId,
    /// What it is for.
    #[arg(long)]
    label: String,
    /// The most that it may: auditor, moderator, admin or owner.
    #[arg(long, default_value = "moderator")]
    role: String,
    /// For how long it is good, such as 90d; without this it is until somebody revokes it.
    #[arg(long = "for", value_name = "LENGTH")]
    length: Option<String>,
}

/// Makes it and shows it.
pub(super) async fn run(config: Config, arguments: Arguments) -> anyhow::Result<()> {
    let registration = Registration::read(&config.registration_file())?;
    let storage = storage::open(&config).await?;
    let client = Client::new(&config.homeserver.url, registration.as_token)?;
    let bot = Bot::find(client.clone()).await?;
    let clock = Clock::default();
    let roles = Roles::new(storage.clone(), clock.clone(), Access::new(client), bot);
    let tokens = Tokens::new(storage, clock, roles);
    let length = arguments.length.as_deref().map(time::parse).transpose()?;
    let (token, secret) = tokens.make(&arguments.user, Role::parse(&arguments.role)?, &arguments.label, length).await?;
    say(&format!("{secret}\nThis is the token {}, which is shown only now.", token.token_id))
}
