//! What access rules cost with 100,000 of them: one decision, all gates of a request, a change of the rules,
//! and how long it takes until a new one has cut off those it hits among 10,000 requests that wait. Run
//! with `cargo bench --bench access`.

#![expect(clippy::print_stdout, reason = "it is what a benchmark is for")]

mod cuts;
mod requests;
mod rules;

use std::{fmt::Display, time::Duration};

use clap::Parser;
use homeserver::{
    access::Access,
    audit::{self, Audit},
    clock::Clock,
    config::{self, RateLimits},
    metrics::Metrics,
    secrets::{KeyRing, Secrets},
    storage::{Address, Storage},
    tasks::Tasks,
};
use homeserver_testing::TestDatabase;

/// What gates may cost one request.
const MOST: Duration = Duration::from_micros(5);
/// How long it may take until a new rule has cut off whom it hits.
const LONGEST: Duration = Duration::from_secs(1);

/// Measures access rules.
#[derive(Clone, Copy, Debug, Parser)]
struct Arguments {
    /// How many rules there are.
    #[arg(long, default_value_t = 100_000)]
    rules: u32,
    /// How many requests wait.
    #[arg(long, default_value_t = 10_000)]
    waiting: u32,
    /// Print a Markdown table.
    #[arg(long)]
    markdown: bool,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What was measured.
#[derive(Debug, Default)]
struct Report(Vec<(String, String)>);

impl Report {
    fn add(&mut self, what: impl Into<String>, result: impl Display) {
        self.0.push((what.into(), result.to_string()));
    }

    /// Adds how long something took, by the mean and by what 99 of 100 did not exceed.
    fn add_times(&mut self, what: &str, mut times: Vec<Duration>) -> Duration {
        times.sort_unstable();
        let count = u32::try_from(times.len()).expect("not that many are measured").max(1);
        let mean = times.iter().sum::<Duration>() / count;
        let p99 = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
        self.add(what, format!("{:.2} µs, p99 {:.2} µs", micros(mean), micros(p99)));
        mean
    }

    /// Prints the figures: aligned, or as a table to be pasted into a page.
    fn show(&self, is_markdown: bool) {
        let edge = if is_markdown { "|" } else { "" };
        if is_markdown {
            println!("| {:<72} | {:>26} |\n| {:-<72} | {:->25}: |", "access rules", "", "", "");
        }
        for (what, result) in &self.0 {
            println!("{edge} {what:<72} {edge} {result:>26} {edge}");
        }
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The access rules of a server with a database of its own.
struct Bench {
    access: Access,
    storage: Storage,
    secrets: Secrets,
    tasks: Tasks,
    _database: TestDatabase,
}

impl Bench {
    async fn start() -> Self {
        let database = TestDatabase::create().await;
        let address = Address::Url(config::Hidden::from(database.url()));
        let storage = Storage::open(&address, 4).expect("the URL is valid");
        let secrets = Secrets::new(&KeyRing::generate(), None);
        let (tasks, clock) = (Tasks::default(), Clock::default());
        let audit = Audit::start(audit::Parts {
            storage: storage.clone(),
            secrets: secrets.clone(),
            clock: clock.clone(),
            metrics: Metrics::default(),
            tasks: &tasks,
            rules: config::Audit::default(),
        });
        let (limits, rules) = (RateLimits::default(), config::Access::default());
        let access = Access::start(&limits, &rules, storage.clone(), secrets.clone(), audit, clock, &tasks);
        let access = access.await.expect("the rules can be read");
        Self { access, storage, secrets, tasks, _database: database }
    }
}

/// Whether what was measured is good enough; without optimisation everything is.
fn must_be(is_good: bool, what: &str) {
    assert!(cfg!(debug_assertions) || is_good, "{what}");
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let (bench, mut report) = (Bench::start().await, Report::default());
    if cfg!(debug_assertions) {
        report.add("NOT OPTIMISED", "the figures mean nothing");
    }
    requests::decisions(&bench, arguments.rules, &mut report);
    rules::store(&bench, arguments.rules, &mut report).await;
    requests::requests(&bench, &mut report).await;
    cuts::cut_off(&bench, arguments.waiting, &mut report).await;
    bench.tasks.stop().await;
    bench.storage.close().await;
    report.show(arguments.markdown);
}
