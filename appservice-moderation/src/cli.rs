//! The command line: what the program was asked to do.

mod output;
mod serve;
mod token;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};
use foundation::logging;

use self::output::say;
use crate::{
    config::{self, Beside, Logging, Problem},
    registration::Registration,
};

/// The exit code for a wrong option, as clap's for a wrong argument.
const WRONG_OPTION: u8 = 2;

/// Looks after a Salon homeserver: commands, cases and access rules.
#[derive(Debug, Parser)]
#[command(name = "salon-moderation", version)]
struct Arguments {
    /// The configuration file; without it SALON_MODERATION_CONFIG names it, or it is ./moderation.toml if that exists.
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Where the homeserver answers, unless the configuration says so.
    #[arg(long, global = true, value_name = "URL")]
    homeserver_url: Option<String>,
    /// The homeserver's data directory, unless the configuration says so.
    #[arg(long, global = true, value_name = "PATH")]
    homeserver_data: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run (also without any command).
    Serve,
    /// Write the registration file, by which the homeserver knows this program, if it is missing.
    Register,
    /// Make a token by which a program acts for somebody; the homeserver has to run.
    Token(token::Arguments),
    /// Say whether the configuration is valid.
    CheckConfig,
    /// Print the version.
    Version,
}

/// Does what the arguments of this process ask for.
pub fn run() -> ExitCode {
    match execute(Arguments::parse()) {
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
        return say(&format!("salon-moderation {}", env!("CARGO_PKG_VERSION")));
    }
    let beside = Beside { url: arguments.homeserver_url, data_directory: arguments.homeserver_data };
    let config = config::load(arguments.config.as_deref(), beside)?;
    match command {
        Command::Serve => work(&config.logging.clone(), serve::run(config)),
        Command::Token(arguments) => work(&config.logging.clone(), token::run(config, arguments)),
        Command::Register => {
            let file = config.registration_file();
            match Registration::write_if_missing(&file, &config.own_url())? {
                true => say(&format!("Wrote the registration {}.", file.display())),
                false => Ok(()),
            }
        }
        Command::CheckConfig => say("The configuration is valid."),
        Command::Version => Ok(()),
    }
}

/// Does what takes a runtime.
fn work(logging: &Logging, work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    logging::start(logging, None)?;
    rustls::crypto::ring::default_provider().install_default().ok().context("a TLS provider is there twice")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("starting the runtime")?.block_on(work)
}
