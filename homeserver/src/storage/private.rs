//! A MariaDB of our own in the data directory, for those who have configured no database: made at
//! the first start, reached by a Unix socket alone, started again when it dies, stopped last.
//!
//! Whoever holds the lock on the directory runs the database. A database that is still there when
//! the lock is free is an orphan whose owner was killed: it is killed too, and a new one takes
//! its place, so that every running database has somebody who looks after it.

mod options;
mod orphans;
mod programs;

use std::{
    fs::{self, File, TryLockError},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{Child, ExitStatus},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use sqlx::{Connection, MySqlConnection};
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use self::programs::Programs;
use super::Address;
use crate::Result;

/// The name of the database.
const DATABASE: &str = "salon";
/// How long to wait before the database is started again, at first and at most.
const RESTART_DELAY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));
/// A database that ran for so long did not fail because of how it was started.
const SETTLED: Duration = Duration::from_secs(60);
/// How long another process may hold the directory before we give up.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// How long a database of another version may take until it can be brought up to date.
const UPGRADE_WAIT: Duration = Duration::from_secs(60);
/// A database that wrote its number so long ago has come up.
const COME_UP: Duration = Duration::from_secs(1);
/// How long a database may take to end before it is killed. It loses nothing by that.
const STOP_WAIT: Duration = Duration::from_secs(60);

/// A private database that this process looks after.
#[derive(Debug)]
pub struct PrivateDatabase {
    supervisor: Arc<Supervisor>,
    address: Address,
    ended: oneshot::Receiver<()>,
    _lock: File,
}

/// Who runs the private database of a data directory.
#[derive(Debug)]
pub enum Claim {
    /// This process does.
    Ours(PrivateDatabase),
    /// Another one does; this is where.
    Theirs(Address),
}

#[derive(Debug)]
struct Supervisor {
    directory: PathBuf,
    socket: PathBuf,
    programs: Programs,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_stopping: bool,
    /// The running server. It is reaped under the lock, so that a number that stands here is its.
    process: Option<Pid>,
}

impl PrivateDatabase {
    /// Starts the database in `directory`, unless another process holds it. Returns before it can be
    /// reached; what goes wrong later is logged and tried again.
    pub fn claim(directory: &Path) -> Result<Claim> {
        let directory = std::path::absolute(directory).context("the path of the database")?;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .with_context(|| format!("making {}", directory.display()))?;
        let socket = options::socket(&directory)?;
        let programs = Programs::find()?;
        let address =
            Address::Socket { path: socket.clone(), user: programs.user.clone(), database: DATABASE.to_owned() };
        let Some(lock) = lock(&directory)? else { return Ok(Claim::Theirs(address)) };

        let supervisor =
            Arc::new(Supervisor { directory, socket, programs, state: Mutex::default(), changed: Condvar::new() });
        let (on_end, ended) = oneshot::channel();
        let (runtime, of_thread) = (tokio::runtime::Handle::current(), supervisor.clone());
        // A thread of its own, because the kernel ends the database with the thread that started it.
        thread::Builder::new()
            .name("database".to_owned())
            .spawn(move || {
                of_thread.run(&runtime);
                // Nobody waits any more when the process ends without an orderly stop.
                let _ = on_end.send(());
            })
            .context("starting a thread")?;
        Ok(Claim::Ours(Self { supervisor, address, ended, _lock: lock }))
    }

    /// The same, but it is an error when another process holds the directory for more than moments.
    pub async fn start(directory: &Path) -> Result<Self> {
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            match Self::claim(directory)? {
                Claim::Ours(database) => return Ok(database),
                Claim::Theirs(_) if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(200)).await,
                Claim::Theirs(_) => {
                    return Err(anyhow!("another process uses the database in {}", directory.display()).into());
                }
            }
        }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Ends it and waits until it has.
    pub async fn stop(self) {
        self.supervisor.stop();
        if tokio::time::timeout(STOP_WAIT, self.ended).await.is_err() {
            error!("The private MariaDB does not end and is killed");
            self.supervisor.signal(Signal::KILL);
        }
    }
}

/// Takes the lock on `directory`, if it is free. It lasts until the file is closed, by whatever end
/// of this process; the database does not inherit it.
fn lock(directory: &Path) -> anyhow::Result<Option<File>> {
    let path = directory.join("lock");
    let opened = File::options().create(true).truncate(false).write(true).open(&path);
    let file = opened.with_context(|| format!("opening {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(fault)) => Err(anyhow!(fault).context(format!("locking {}", path.display()))),
    }
}

impl Supervisor {
    /// Keeps the database running until [`Self::stop`].
    fn run(&self, runtime: &tokio::runtime::Handle) {
        let (mut delay, longest) = RESTART_DELAY;
        if orphans::kill(&self.programs.server, &self.directory).is_err() {
            runtime.block_on(self.ask_orphan());
        }
        while !self.state().is_stopping {
            let started = Instant::now();
            match self.run_once() {
                Ok(_) if self.state().is_stopping => break,
                Ok(status) => {
                    let log = self.directory.join("error.log");
                    warn!(%status, "The private MariaDB ended and is started again; its log is {}", log.display());
                }
                Err(fault) => error!(error = format!("{fault:#}"), "The private MariaDB could not be started"),
            }
            if started.elapsed() > SETTLED {
                delay = RESTART_DELAY.0;
            }
            self.rest(delay);
            delay = (delay * 2).min(longest);
        }
    }

    /// Starts the database and waits until it ends.
    fn run_once(&self) -> anyhow::Result<ExitStatus> {
        let write = |name: &str, text: String| {
            let path = self.directory.join(name);
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
        };
        let temporary = self.directory.join(options::TEMPORARY);
        fs::create_dir_all(&temporary).with_context(|| format!("making {}", temporary.display()))?;
        self.programs.install(&self.directory)?;
        write("options.cnf", options::option_file(&self.directory, &self.socket))?;
        write("init.sql", options::first_statements(DATABASE, &self.programs.user))?;
        // Where one was left behind: the new process can have the number of the old one.
        let _ = fs::remove_file(self.directory.join(options::PID_FILE));

        let mut child = self.programs.start(&self.directory)?;
        let pid = Pid::from_child(&child);
        let was_stopped = {
            let mut state = self.state();
            state.process = Some(pid);
            state.is_stopping
        };
        if was_stopped {
            self.end();
        } else {
            self.upgrade(&mut child);
        }
        // Waits without reaping, so that the number stays the database's until the lock is held.
        while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        {
        }
        let mut state = self.state();
        state.process = None;
        child.wait().context("waiting for the database")
    }

    /// Brings the system tables up to date after the first start of another version.
    fn upgrade(&self, child: &mut Child) {
        if self.programs.is_up_to_date(&self.directory) {
            return;
        }
        let deadline = Instant::now() + UPGRADE_WAIT;
        while let Err(fault) = self.programs.upgrade(&self.directory, &self.socket) {
            let has_ended = !matches!(child.try_wait(), Ok(None));
            if has_ended || self.state().is_stopping || Instant::now() > deadline {
                warn!(error = format!("{fault:#}"), "The private MariaDB was not brought up to date");
                return;
            }
            self.rest(Duration::from_secs(1));
        }
    }

    fn stop(&self) {
        info!("Stopping the private MariaDB");
        self.state().is_stopping = true;
        self.changed.notify_all();
        self.end();
    }

    /// Asks the server to end. It hangs when it is asked before it has come up, and is killed then: it
    /// loses nothing by that.
    fn end(&self) {
        self.signal(if self.has_come_up() { Signal::TERM } else { Signal::KILL });
    }

    /// Whether the server wrote its number and had the time to do what comes after that.
    fn has_come_up(&self) -> bool {
        let file = self.directory.join(options::PID_FILE);
        let number = self.state().process.map(|process| process.as_raw_nonzero().to_string());
        let written = fs::read_to_string(&file).ok();
        let age = fs::metadata(&file).and_then(|metadata| metadata.modified()).map(|at| at.elapsed());
        written.as_deref().map(str::trim) == number.as_deref()
            && age.is_ok_and(|age| age.is_ok_and(|age| age > COME_UP))
    }

    fn signal(&self, signal: Signal) {
        let state = self.state();
        if let Some(process) = state.process {
            // It may have ended just now, which is what was wanted.
            let _ = kill_process(process, signal);
        }
    }

    /// Waits for `delay` or until the database is to stop.
    fn rest(&self, delay: Duration) {
        let wait = self.changed.wait_timeout_while(self.state(), delay, |state| !state.is_stopping);
        drop(wait.unwrap_or_else(PoisonError::into_inner));
    }

    /// Asks a database that was left behind to end, where there is no list of processes. The one that we
    /// start then waits for its locks.
    async fn ask_orphan(&self) {
        let address = Address::Socket {
            path: self.socket.clone(),
            user: self.programs.user.clone(),
            database: DATABASE.to_owned(),
        };
        let Ok(options) = address.options() else { return };
        let connected = tokio::time::timeout(Duration::from_secs(5), MySqlConnection::connect_with(&options)).await;
        if let Ok(Ok(mut conn)) = connected {
            info!("Ending a private MariaDB whose homeserver was killed");
            if let Err(fault) = sqlx::raw_sql("shutdown").execute(&mut conn).await {
                // It may be ending already; otherwise ours fails on its locks and is tried again.
                info!(error = %fault, "It did not take the request");
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
