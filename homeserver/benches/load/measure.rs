//! Counts what happened, how long it took and what it cost.

use std::{
    collections::BTreeMap,
    fmt::Display,
    future::Future,
    time::{Duration, Instant},
};

use anyhow::Result;
use tokio::task::JoinSet;

use crate::{client::Answer, processes::Cpu, server::Server};

/// What one or several workers counted.
#[derive(Debug, Default)]
pub struct Tally {
    /// How long each operation took that succeeded.
    pub taken: Vec<Duration>,
    /// What went wrong, and how often.
    pub faults: BTreeMap<String, usize>,
    /// What was acknowledged and did not arrive, and what arrived twice, where that is checked.
    pub checked: Option<Checked>,
}

/// The result of a check that everything arrived once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
    /// What did not arrive.
    pub lost: usize,
    /// What arrived more than once.
    pub doubled: usize,
}

impl Tally {
    /// Counts an operation that is one request; returns its answer.
    pub fn count(&mut self, outcome: Result<Answer>) -> Option<Answer> {
        match outcome {
            Ok(answer) => {
                self.taken.push(answer.took);
                Some(answer)
            }
            Err(fault) => {
                self.fault(format!("{fault:#}"));
                None
            }
        }
    }

    /// Counts something that went wrong.
    pub fn fault(&mut self, what: impl Display) {
        *self.faults.entry(what.to_string()).or_default() += 1;
    }

    /// Notes the result of a check.
    pub fn check(&mut self, lost: usize, doubled: usize) {
        let checked = self.checked.get_or_insert_default();
        checked.lost += lost;
        checked.doubled += doubled;
    }

    /// Adds what another one counted.
    pub fn add(&mut self, other: Self) {
        self.taken.extend(other.taken);
        for (what, count) in other.faults {
            *self.faults.entry(what).or_default() += count;
        }
        if let Some(Checked { lost, doubled }) = other.checked {
            self.check(lost, doubled);
        }
    }

    /// How many operations failed.
    pub fn errors(&self) -> usize {
        self.faults.values().sum()
    }
}

/// A clock for time and processor time.
#[derive(Debug)]
pub struct Meter<'a> {
    server: &'a Server,
    started: Instant,
    before: Cpu,
}

impl<'a> Meter<'a> {
    /// Starts the clock.
    pub fn start(server: &'a Server) -> Result<Self> {
        Ok(Self { server, before: server.cpu()?, started: Instant::now() })
    }

    /// Reads the clock.
    pub fn stop(self, scenario: impl Into<String>, tally: Tally) -> Result<Row> {
        let elapsed = self.started.elapsed();
        Ok(Row { scenario: scenario.into(), tally, elapsed, cpu: self.server.cpu()? - self.before })
    }
}

/// What is known of a scenario: a row of the table.
#[derive(Debug)]
pub struct Row {
    /// Its name.
    pub scenario: String,
    /// What was counted.
    pub tally: Tally,
    /// How long it took.
    pub elapsed: Duration,
    /// What it cost.
    pub cpu: Cpu,
}

impl Row {
    /// A scenario that could not be measured.
    pub fn failed(scenario: impl Into<String>, fault: &anyhow::Error) -> Self {
        let mut tally = Tally::default();
        tally.fault(format!("{fault:#}"));
        Self { scenario: scenario.into(), tally, elapsed: Duration::ZERO, cpu: Cpu::default() }
    }

    /// Adds another measurement of the same.
    pub fn add(&mut self, other: Self) {
        self.tally.add(other.tally);
        self.elapsed += other.elapsed;
        self.cpu = self.cpu + other.cpu;
    }

    /// Whether nothing failed, was lost or came twice.
    pub fn is_good(&self) -> bool {
        self.tally.errors() == 0 && self.tally.checked.is_none_or(|checked| checked.lost + checked.doubled == 0)
    }
}

/// Lets workers work at the same time until all have ended. Besides what they counted, they return
/// what a check wants to know.
pub async fn measure<T, W>(server: &Server, scenario: &str, workers: Vec<W>) -> Result<(Row, Vec<T>)>
where
    T: Send + 'static,
    W: Future<Output = (Tally, T)> + Send + 'static,
{
    let meter = Meter::start(server)?;
    let results = workers.into_iter().collect::<JoinSet<_>>().join_all().await;
    let mut tally = Tally::default();
    let mut others = Vec::new();
    for (part, other) in results {
        tally.add(part);
        others.push(other);
    }
    Ok((meter.stop(scenario, tally)?, others))
}

/// The value below which `percent` of 100 sorted values are; zero if there are none.
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
