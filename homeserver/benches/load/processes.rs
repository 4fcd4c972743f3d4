//! What processes use, as Linux tells it in `/proc`.

use std::{
    fs,
    ops::{Add, Sub},
    time::Duration,
};

use anyhow::{Context, Result};

/// `USER_HZ`, the unit of times in `/proc`, which is the same on all machines that Rust's standard
/// library runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// Of the homeserver.
    pub server: Duration,
    /// Of its database.
    pub database: Duration,
    /// Of this process.
    pub generator: Duration,
    /// Of everything on this machine, these included.
    pub machine: Duration,
}

impl Cpu {
    /// Of everything else on this machine, while other programs run there too.
    pub fn others(&self) -> Duration {
        self.machine.saturating_sub(self.server + self.database + self.generator)
    }
}

impl Add for Cpu {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            server: self.server + other.server,
            database: self.database + other.database,
            generator: self.generator + other.generator,
            machine: self.machine + other.machine,
        }
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            server: self.server.saturating_sub(earlier.server),
            database: self.database.saturating_sub(earlier.database),
            generator: self.generator.saturating_sub(earlier.generator),
            machine: self.machine.saturating_sub(earlier.machine),
        }
    }
}

/// Memory in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// What is resident.
    pub rss: u64,
    /// The same with shared pages divided among those who share them.
    pub pss: u64,
}

/// Processor time that `process` (an ID, or `self`) has used.
pub fn cpu_of(process: &str) -> Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    // The second field is the program's name, which may contain anything. `utime` and `stime` are
    // the 14th and the 15th.
    let fields = stat.rsplit_once(')').context("a process has a name")?.1.split_whitespace();
    Ok(ticks(fields.skip(11).take(2)))
}

/// Processor time that everything on this machine has used, except to wait.
pub fn cpu_of_machine() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    // user, nice, system, idle, iowait, irq, softirq, steal; what follows is counted in them.
    Ok(ticks(fields.take(8).enumerate().filter(|(index, _)| !matches!(index, 3 | 4)).map(|(_, field)| field)))
}

/// The memory of a process.
pub fn memory_of(process: u32) -> Result<Memory> {
    let path = format!("/proc/{process}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).context("a process has memory")
    };
    Ok(Memory { rss: value("Rss:")?, pss: value("Pss:")? })
}

/// The processor of this machine.
pub fn processor() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    format!("{cores} × {}", model.map_or("an unnamed core", |(_, name)| name.trim()))
}

fn ticks<'a>(fields: impl Iterator<Item = &'a str>) -> Duration {
    let sum: u32 = fields.filter_map(|field| field.parse::<u32>().ok()).sum();
    Duration::from_secs_f64(f64::from(sum) / TICKS_PER_SECOND)
}
