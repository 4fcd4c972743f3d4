//! What a server can do on this machine: starts the program with a private database, uses it over
//! HTTP, checks that nothing is lost or told twice, and prints tables. `cargo bench --bench load`
//! runs all of it; names of scenarios after `--` choose some.

#![expect(clippy::print_stdout, reason = "it is what a benchmark is for")]

mod accounts;
mod client;
mod cutting;
mod fanout;
mod listening;
mod measure;
mod memory;
mod processes;
mod reading;
mod report;
mod rooms;
mod send;
mod server;
mod setting;
mod syncing;

use std::{process::ExitCode, time::Duration};

use anyhow::{Result, ensure};
use clap::Parser;

use self::{
    measure::Row,
    memory::Moment,
    report::{Form, Report},
    server::Server,
    setting::Setting,
    syncing::Members,
};

/// Measures a Salon server on this machine.
#[derive(Debug, Parser)]
struct Arguments {
    /// Scenarios to run, or the first words of their names; all of them if none is named.
    scenarios: Vec<String>,
    /// How long to measure what could go on for ever.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How many requests are parked.
    #[arg(long, default_value_t = 10_000)]
    parked: usize,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
    /// Print tables as Markdown.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A way to use the server.
#[derive(Clone, Copy, Debug)]
enum Scenario {
    Register,
    LogIn,
    Create,
    Send { senders: usize },
    Fanout { members: usize, rate: u32 },
    IdleSync,
    InitialSync(Members),
    Join,
    Messages,
    State,
    Members,
    JoinedMembers,
    Parked,
    CutOff,
}

const SCENARIOS: [(&str, Scenario); 19] = [
    ("register", Scenario::Register),
    ("login", Scenario::LogIn),
    ("create", Scenario::Create),
    ("send-1", Scenario::Send { senders: 1 }),
    ("send-8", Scenario::Send { senders: 8 }),
    ("send-64", Scenario::Send { senders: 64 }),
    ("fanout-20", Scenario::Fanout { members: 20, rate: 1 }),
    ("fanout-50", Scenario::Fanout { members: 50, rate: 2 }),
    ("fanout-1000", Scenario::Fanout { members: setting::CROWD, rate: 1 }),
    ("idle-sync", Scenario::IdleSync),
    ("initial-sync-full", Scenario::InitialSync(Members::All)),
    ("initial-sync-lazy", Scenario::InitialSync(Members::Lazy)),
    ("join", Scenario::Join),
    ("messages", Scenario::Messages),
    ("state", Scenario::State),
    ("members", Scenario::Members),
    ("joined_members", Scenario::JoinedMembers),
    ("parked", Scenario::Parked),
    ("cut-off", Scenario::CutOff),
];

impl Scenario {
    async fn run(self, setting: &mut Setting) -> Result<Vec<Row>> {
        match self {
            Self::Register => accounts::register(setting).await,
            Self::LogIn => accounts::log_in(setting).await,
            Self::Create => rooms::create(setting).await,
            Self::Send { senders } => send::send(setting, senders).await,
            Self::Fanout { members, rate } => fanout::fanout(setting, members, rate).await,
            Self::IdleSync => syncing::idle(setting).await,
            Self::InitialSync(members) => syncing::initial(setting, members).await,
            Self::Join => rooms::join(setting).await,
            Self::Messages => reading::messages(setting).await,
            Self::State => reading::state(setting).await,
            Self::Members => reading::members(setting).await,
            Self::JoinedMembers => reading::joined_members(setting).await,
            Self::Parked => memory::parked(setting).await,
            Self::CutOff => cutting::cut_off(setting).await,
        }
    }
}

/// The generator gets two threads, so that it can keep two cores of a server busy.
#[tokio::main(worker_threads = 2)]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let scenarios = chosen(&arguments.scenarios)?;
    let form = match (arguments.json, arguments.markdown) {
        (true, _) => Form::Json,
        (_, true) => Form::Markdown,
        _ => Form::Text,
    };
    let report = tokio::select! {
        report = measure_all(&scenarios, Duration::from_secs(arguments.seconds), arguments.parked) => report?,
        // The server is stopped and its directory removed.
        _ = tokio::signal::ctrl_c() => return Ok(ExitCode::FAILURE),
    };
    print!("{}", report.show(form));
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The scenarios whose names begin with one of these.
fn chosen(names: &[String]) -> Result<Vec<(&'static str, Scenario)>> {
    for name in names {
        let known = SCENARIOS.map(|(scenario, _)| scenario);
        ensure!(
            known.iter().any(|scenario| is_named(scenario, name)),
            "there is no scenario {name}, only {}",
            known.join(", ")
        );
    }
    let is_chosen = |scenario: &str| names.is_empty() || names.iter().any(|name| is_named(scenario, name));
    Ok(SCENARIOS.into_iter().filter(|(scenario, _)| is_chosen(scenario)).collect())
}

/// Whether `name` is that of the scenario or of its group.
fn is_named(scenario: &str, name: &str) -> bool {
    scenario.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

async fn measure_all(scenarios: &[(&'static str, Scenario)], time: Duration, parked: usize) -> Result<Report> {
    let files = server::raise_file_limit();
    eprintln!("Starting salon");
    let mut setting = Setting::new(Server::start()?, time, parked, files);
    let mut report = Report { about: about(time), ..Report::default() };
    if setting.server.is_in_memory() {
        setting.notes.push("The database is on a file system in memory: no write has to reach a disk.".to_owned());
    }
    setting.moments.push(Moment::now(&setting.server, "idle, before anything")?);
    for (name, scenario) in scenarios {
        eprintln!("{name} …");
        let rows = scenario.run(&mut setting).await.unwrap_or_else(|fault| vec![Row::failed(*name, &fault)]);
        rows.iter().for_each(|row| eprintln!("  {}", report::brief(row)));
        report.rows.extend(rows);
    }
    setting.moments.push(Moment::now(&setting.server, "after all scenarios")?);
    report.moments = setting.moments;
    report.figures = setting.figures;
    report.notes = setting.notes;
    report.complaints = setting.server.stop()?;
    Ok(report)
}

/// What the figures depend on besides the code.
fn about(time: Duration) -> Vec<String> {
    let mut about = vec![format!(
        "Salon {} on {}, {} s a scenario",
        env!("CARGO_PKG_VERSION"),
        processes::processor(),
        time.as_secs()
    )];
    if cfg!(debug_assertions) {
        about.push("NOT OPTIMISED: the figures mean nothing.".to_owned());
    }
    about
}
