//! MariaDB's own programs: where they are, and how a data directory is made and brought up to date.

use std::{
    env,
    ffi::OsString,
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use anyhow::{Context, bail, ensure};
use tracing::{info, warn};

use super::options::TEMPORARY;

/// Where programs are besides the directories of `PATH`, which for users often lacks these.
const MORE_DIRECTORIES: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/libexec"];

/// What is installed on this machine.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    pub(super) server: PathBuf,
    install: PathBuf,
    upgrade: Option<PathBuf>,
    setpriv: Option<PathBuf>,
    /// What the server says its version is.
    version: String,
    /// The name of the user that this process runs as.
    pub(super) user: String,
}

impl Programs {
    /// Looks for MariaDB's programs.
    pub(super) fn find() -> anyhow::Result<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        Self::find_in(&env::split_paths(&path).chain(MORE_DIRECTORIES.map(PathBuf::from)).collect::<Vec<_>>())
    }

    fn find_in(directories: &[PathBuf]) -> anyhow::Result<Self> {
        let find = |names: &[&str]| {
            let mut files = names.iter().flat_map(|name| directories.iter().map(move |directory| directory.join(name)));
            files.find(|file| file.is_file())
        };
        let (Some(server), Some(install)) =
            (find(&["mariadbd", "mysqld"]), find(&["mariadb-install-db", "mysql_install_db"]))
        else {
            bail!(
                "No MariaDB server is installed. Install the package mariadb-server (on Debian and Ubuntu: \
                 apt install mariadb-server-core), or set database.url to a MySQL or MariaDB server"
            );
        };
        let version = text(Command::new(&server).args(["--no-defaults", "--version"]))?;
        ensure!(
            version.contains("MariaDB"),
            "{} is not MariaDB: install the package mariadb-server, or set database.url",
            server.display()
        );
        let user = text(Command::new("id").arg("-un"))
            .context("the user that this runs as has no name, so MariaDB cannot know it: set database.url")?;
        let upgrade = find(&["mariadb-upgrade", "mysql_upgrade"]);
        Ok(Self { server, install, upgrade, setpriv: find(&["setpriv"]), version, user })
    }

    /// Makes the data directory `directory/data` unless it is there.
    pub(super) fn install(&self, directory: &Path) -> anyhow::Result<()> {
        let data = directory.join("data");
        if data.exists() {
            return Ok(());
        }
        info!("Making a private MariaDB in {}", directory.display());
        // What was left half-made must not be taken for a good one: it gets its name when it is.
        let draft = directory.join("data.new");
        if draft.exists() {
            fs::remove_dir_all(&draft).with_context(|| format!("removing {}", draft.display()))?;
        }
        let mut command = Command::new(&self.install);
        command
            .env("TMPDIR", directory.join(TEMPORARY))
            .arg("--no-defaults")
            .arg(format!("--datadir={}", draft.display()))
            .args(["--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=96M"])
            .args(["--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin"])
            .arg("--auth-root-authentication-method=socket")
            .arg(format!("--auth-root-socket-user={}", self.user));
        if is_root() {
            command.arg("--user=root");
        }
        run(&mut command).context("mariadb-install-db")?;
        self.note_version(directory)?;
        fs::rename(&draft, &data).with_context(|| format!("renaming {}", draft.display()))
    }

    /// Starts the server with the option file in `directory`.
    ///
    /// The kernel kills it when this thread ends (through setpriv, because this program has no unsafe
    /// code that could run between fork and exec): call from a thread that lives as long as it. It is
    /// not asked to end, because it hangs when it is asked while it starts. The server is the leader of a process group, so that Ctrl-C does not reach it before us.
    pub(super) fn start(&self, directory: &Path) -> anyhow::Result<Child> {
        let mut command = match &self.setpriv {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL"]).arg(&self.server);
                command
            }
            None => Command::new(&self.server),
        };
        // This option must be the first.
        command.arg(option_file_argument(directory));
        if is_root() {
            command.arg("--user=root");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        command.spawn().with_context(|| format!("starting {}", self.server.display()))
    }

    /// Whether the data directory was last used by the installed version.
    pub(super) fn is_up_to_date(&self, directory: &Path) -> bool {
        fs::read_to_string(version_file(directory)).is_ok_and(|last| last.trim() == self.version)
    }

    /// Brings the system tables of the running server up to date.
    pub(super) fn upgrade(&self, directory: &Path, socket: &Path) -> anyhow::Result<()> {
        let Some(upgrade) = &self.upgrade else {
            warn!("MariaDB has another version than before, but mariadb-upgrade is not installed");
            return Ok(());
        };
        info!(version = self.version, "Bringing the private MariaDB up to date");
        let mut command = Command::new(upgrade);
        command.arg("--no-defaults").arg(format!("--socket={}", socket.display())).arg(format!("--user={}", self.user));
        run(&mut command).context("mariadb-upgrade")?;
        self.note_version(directory)
    }

    fn note_version(&self, directory: &Path) -> anyhow::Result<()> {
        let file = version_file(directory);
        fs::write(&file, format!("{}\n", self.version)).with_context(|| format!("writing {}", file.display()))
    }
}

/// How the server is told of the option file in `directory`; its processes are known by this.
pub(super) fn option_file_argument(directory: &Path) -> OsString {
    let mut argument = OsString::from("--defaults-file=");
    argument.push(directory.join("options.cnf"));
    argument
}

fn version_file(directory: &Path) -> PathBuf {
    directory.join("version")
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn run(command: &mut Command) -> anyhow::Result<Output> {
    // In a group of its own, so that Ctrl-C does not leave half of its work.
    let output = command.stdin(Stdio::null()).process_group(0).output()?;
    if !output.status.success() {
        let said = [output.stdout.as_slice(), &output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let last: Vec<&str> = said.lines().rev().filter(|line| !line.trim().is_empty()).take(5).collect();
        bail!("{}: {}", output.status, last.into_iter().rev().collect::<Vec<_>>().join(" / "));
    }
    Ok(output)
}

fn text(command: &mut Command) -> anyhow::Result<String> {
    Ok(String::from_utf8_lossy(&run(command)?.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_mariadb_a_sentence_says_what_to_do() {
        let empty = tempfile::tempdir().expect("a directory can be made");

        let fault = Programs::find_in(&[empty.path().to_owned()]).expect_err("there is none").to_string();

        assert!(fault.contains("Install the package mariadb-server") && fault.contains("database.url"), "{fault}");
    }
}
