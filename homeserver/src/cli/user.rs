//! What operators do to accounts, whether or not the server runs.

mod factors;

use anyhow::bail;
use clap::Subcommand;
use ruma::OwnedUserId;

use super::{
    command::{self, told},
    output::say,
    password::NewPassword,
};
use crate::{
    App,
    accounts::names,
    config::Config,
    storage::accounts::{Account, AccountKind, AccountState},
};

/// Accounts that are read at a time.
const PAGE: u32 = 500;

/// What to do to accounts. Users are named `alice` or `@alice:example.org`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an account; the password is asked for, or read from the standard input.
    Add {
        /// The user's name.
        user: String,
        /// Make it a server administrator.
        #[arg(long)]
        admin: bool,
    },
    /// List all accounts.
    List,
    /// Close an account for good: its sessions end and its name stays taken.
    Deactivate {
        /// The user's name.
        user: String,
        /// Delete what the server keeps for the user alone, too.
        #[arg(long)]
        erase: bool,
    },
    /// Give an account a new password and end its sessions.
    ResetPassword {
        /// The user's name.
        user: String,
    },
    /// Set up two-factor authentication for somebody, here instead of on the account page.
    AddTotp {
        /// The user's name.
        user: String,
    },
    /// Take away an account's second factor, and end its sessions, app passwords and access tokens.
    ResetTotp {
        /// The user's name.
        user: String,
    },
    /// Make a password for one program, which logs in without the second factor.
    AppPassword {
        /// The user's name.
        user: String,
        /// What the user calls it.
        #[arg(long)]
        label: String,
    },
    /// Make a personal access token, with a device of its own.
    AccessToken {
        /// The user's name.
        user: String,
        /// What the user calls it.
        #[arg(long)]
        label: String,
        /// For how many days it is good; without this it is until somebody revokes it.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        days: Option<u32>,
        /// Let it read only.
        #[arg(long)]
        read_only: bool,
    },
    /// Make a user a server administrator.
    MakeAdmin {
        /// The user's name.
        user: String,
        /// Make the user an administrator no more.
        #[arg(long)]
        revoke: bool,
    },
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> anyhow::Result<()> {
    command::run(config, async |app| execute(app, command).await).await
}

async fn execute(app: &App, command: Command) -> anyhow::Result<()> {
    let administration = &app.accounts.administration;
    match command {
        Command::List => return list(app).await,
        Command::Add { user, admin } => {
            let user_id = parse(app, &user)?;
            let password = NewPassword::ask()?;
            let made = administration.create_user(user_id.localpart(), Some(password.text().to_owned()), admin).await;
            let role = if admin { "a server administrator" } else { "a user" };
            say(&format!("{} is now {role}.", told(made)?.user_id))?;
            tell(&password)?;
        }
        Command::Deactivate { user, erase } => {
            let user_id = parse(app, &user)?;
            told(administration.deactivate(&user_id, erase).await)?;
            say(&format!("{user_id} is deactivated."))?;
        }
        Command::ResetPassword { user } => {
            let user_id = parse(app, &user)?;
            told(administration.find(&user_id).await)?;
            let password = NewPassword::ask()?;
            told(administration.reset_password(&user_id, password.text()).await)?;
            say(&format!("{user_id} has a new password; all sessions have ended."))?;
            tell(&password)?;
        }
        Command::AddTotp { user } => factors::add(app, &parse(app, &user)?).await?,
        Command::ResetTotp { user } => {
            let user_id = parse(app, &user)?;
            told(administration.reset_second_factor(&user_id).await)?;
            say(&format!("{user_id} logs in by password alone; all sessions, app passwords and tokens have ended."))?;
        }
        Command::AppPassword { user, label } => factors::app_password(app, &parse(app, &user)?, &label).await?,
        Command::AccessToken { user, label, days, read_only } => {
            factors::access_token(app, &parse(app, &user)?, label, days, read_only).await?;
        }
        Command::MakeAdmin { user, revoke } => {
            let user_id = parse(app, &user)?;
            told(administration.set_admin(&user_id, !revoke).await)?;
            let role = if revoke { "no server administrator any more" } else { "a server administrator" };
            say(&format!("{user_id} is {role}."))?;
        }
    }
    Ok(administration.tell_others().await?)
}

async fn list(app: &App) -> anyhow::Result<()> {
    let mut after = String::new();
    loop {
        let page = app.accounts.administration.list_users(&after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.user_id.localpart().to_owned();
        let lines: Vec<String> = page.iter().map(describe).collect();
        say(&lines.join("\n"))?;
    }
}

/// The user ID and what is particular about the account.
fn describe(account: &Account) -> String {
    let particulars = [
        (account.is_admin, "administrator"),
        (account.kind == AccountKind::Guest, "guest"),
        (account.kind == AccountKind::AppService, "application service"),
        (account.state() == AccountState::Suspended, "suspended"),
        (account.state() == AccountState::Locked, "locked"),
        (account.state() == AccountState::Deactivated, "deactivated"),
    ];
    let found: Vec<&str> = particulars.iter().filter(|(is_so, _)| *is_so).map(|(_, word)| *word).collect();
    match found.is_empty() {
        true => account.user_id.to_string(),
        false => format!("{}  {}", account.user_id, found.join(", ")),
    }
}

fn parse(app: &App, user: &str) -> anyhow::Result<OwnedUserId> {
    let server_name = &app.config.server.name;
    match names::parse(user, server_name) {
        Some(user_id) if user_id.server_name() == server_name => Ok(user_id),
        _ => bail!("{user} is not a user name on {server_name}"),
    }
}

fn tell(password: &NewPassword) -> anyhow::Result<()> {
    match password {
        NewPassword::MadeUp(text) => say(&format!("The password is {}", text.as_str())),
        NewPassword::Given(_) => Ok(()),
    }
}
