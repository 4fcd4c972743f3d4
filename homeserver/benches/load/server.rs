//! Starts the program `salon` in an empty directory, and says what it and its database use.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rustix::{
    fs::{FsWord, statfs},
    process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit},
};
use tempfile::TempDir;

use crate::{
    client::Connection,
    processes::{Cpu, Memory, cpu_of, cpu_of_machine, memory_of},
};

/// How long the server may take to do what it has to do before a measurement can begin.
const PATIENCE: Duration = Duration::from_secs(120);
/// The mark of a file system in memory (`statfs(2)`).
const TMPFS: FsWord = 0x0102_1994;

/// A running server with its private database, in a directory that is removed afterwards.
#[derive(Debug)]
pub struct Server {
    process: Child,
    database: u32,
    directory: TempDir,
    /// Where clients come.
    pub address: SocketAddr,
    metrics: SocketAddr,
}

impl Server {
    /// Starts the server as it is for people, except that everybody may register and nobody is
    /// slowed down; returns when it is ready.
    pub fn start() -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("salon-load-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let log = log_file(directory.path());
        let mut process = salon(directory.path())
            .env("SALON_LISTENERS__PLAIN", "127.0.0.1:0")
            .env("SALON_LISTENERS__METRICS", "127.0.0.1:0")
            .env("SALON_REGISTRATION__MODE", "open")
            .env("SALON_RATE_LIMITS__ENABLED", "false")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .context("starting salon")?;

        let told = BufReader::new(process.stdout.take().context("it is piped")?);
        let is_ready = told.lines().map_while(Result::ok).any(|line| line.starts_with("Salon serves "));
        let log = std::fs::read_to_string(log)?;
        ensure!(is_ready, "salon did not become ready:\n{log}");
        let mut addresses = log
            .lines()
            .filter(|line| line.contains("Listening"))
            .filter_map(|line| line.split("address=").nth(1)?.trim().parse().ok());
        let (address, metrics) = addresses.next().zip(addresses.next()).context("the log names two addresses")?;
        let pid = directory.path().join("data/mariadb/pid");
        let database = std::fs::read_to_string(pid)?.trim().parse().context("the database has a process")?;
        Ok(Self { process, database, directory, address, metrics })
    }

    /// Whether its files are in memory, so that nothing it writes has to reach a disk.
    pub fn is_in_memory(&self) -> bool {
        statfs(self.directory.path()).is_ok_and(|system| system.f_type == TMPFS)
    }

    /// Makes a user a server administrator, as operators do.
    pub fn make_admin(&self, user: &str) -> Result<()> {
        let made =
            salon(self.directory.path()).args(["user", "make-admin", user]).output().context("starting salon")?;
        ensure!(made.status.success(), "nobody became an administrator: {}", String::from_utf8_lossy(&made.stderr));
        Ok(())
    }

    /// Processor time used so far.
    pub fn cpu(&self) -> Result<Cpu> {
        Ok(Cpu {
            server: cpu_of(&self.process.id().to_string())?,
            database: cpu_of(&self.database.to_string())?,
            generator: cpu_of("self")?,
            machine: cpu_of_machine()?,
        })
    }

    /// The memory of the server and that of its database.
    pub fn memory(&self) -> Result<(Memory, Memory)> {
        Ok((memory_of(self.process.id())?, memory_of(self.database)?))
    }

    /// Waits until so many requests wait for news.
    pub async fn until_parked(&self, count: usize) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut connection = Connection::open(self.metrics).await?;
        loop {
            let answer = connection.get("", "/metrics").await?;
            let text = std::str::from_utf8(&answer.body)?;
            let parked = text.lines().find_map(|line| line.strip_prefix("salon_parked_requests ")?.parse().ok());
            let parked: usize = parked.context("the server tells how many requests wait")?;
            if parked >= count {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "only {parked} of {count} requests wait for news");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops it; returns what it complained about meanwhile.
    pub fn stop(mut self) -> Result<Vec<String>> {
        kill_process(Pid::from_child(&self.process), Signal::TERM)?;
        let status = self.process.wait()?;
        let log = std::fs::read_to_string(log_file(self.directory.path()))?;
        let mut complaints: Vec<String> =
            log.lines().filter(|line| line.contains(" ERROR ")).map(ToOwned::to_owned).collect();
        if !status.success() {
            complaints.push(format!("salon ended with {status}"));
        }
        Ok(complaints)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It still runs if the benchmark ends early.
        if let Ok(None) = self.process.try_wait() {
            let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
            let _ = self.process.wait();
        }
    }
}

/// Raises the number of files this process may open to what it may be at most, which is returned.
/// The server does the same.
pub fn raise_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
}

/// The program in `directory`, not configured by what is around the benchmark.
fn salon(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_salon"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SALON_")) {
        command.env_remove(name);
    }
    command.current_dir(directory);
    command
}

fn log_file(directory: &Path) -> PathBuf {
    directory.join("log")
}
