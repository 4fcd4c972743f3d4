//! The command line: what the program was asked to do.

mod access;
mod audit;
mod command;
mod database;
mod keys;
mod locate;
mod output;
mod password;
mod runtime;
mod serve;
mod user;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use foundation::logging;

use self::output::say;
use crate::{
    config::{self, Problem},
    http::tls::Certificate,
};

/// The exit code for a wrong option, as clap's for a wrong argument.
const WRONG_OPTION: u8 = 2;

/// Salon, a Matrix homeserver for people who run MySQL.
#[derive(Debug, Parser)]
#[command(name = "salon", version)]
struct Arguments {
    /// The configuration file; without it SALON_CONFIG names it, or it is ./config.toml if that exists.
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (also without any command).
    Serve,
    /// Look after accounts; the server may run meanwhile.
    #[command(subcommand)]
    User(user::Command),
    /// Look at access rules, or lift them when nobody can do it from outside; the server may run meanwhile.
    #[command(subcommand)]
    Access(access::Command),
    /// Check the security audit log, or take it elsewhere; the server may run meanwhile.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Change the keys that protect what is stored; the server may run meanwhile.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Say where this server keeps its data and where it answers, for programs beside it.
    Locate,
    /// Say whether the configuration is valid.
    CheckConfig,
    /// Print the version.
    Version,
}

/// Does what the arguments of this process ask for.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            output::complain(&format!("{fault:#}"));
            if fault.is::<Problem>() { WRONG_OPTION.into() } else { ExitCode::FAILURE }
        }
    }
}

fn execute(arguments: Arguments) -> anyhow::Result<()> {
    let command = arguments.command.unwrap_or(Command::Serve);
    if matches!(command, Command::Version) {
        return say(&format!("salon {}", env!("CARGO_PKG_VERSION")));
    }
    let config = config::load(arguments.config.as_deref())?;
    match command {
        Command::Serve => {
            logging::start(&config.logging, None)?;
            runtime::run(serve::run(config, arguments.config.as_deref()))
        }
        Command::User(command) => {
            logging::start(&config.logging, Some("warn"))?;
            runtime::run(user::run(config, command))
        }
        Command::Access(command) => {
            logging::start(&config.logging, Some("warn"))?;
            runtime::run(access::run(config, command))
        }
        Command::Audit(command) => {
            logging::start(&config.logging, Some("warn"))?;
            runtime::run(audit::run(config, command))
        }
        Command::Keys(command) => {
            logging::start(&config.logging, Some("warn"))?;
            runtime::run(keys::run(config, command))
        }
        Command::Locate => locate::run(&config),
        Command::CheckConfig => {
            if let (Some(certificate), Some(key)) = (&config.listeners.certificate, &config.listeners.key) {
                Certificate::read(certificate, key)?;
            }
            say("The configuration is valid.")
        }
        Command::Version => Ok(()),
    }
}
