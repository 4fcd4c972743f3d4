//! Databases for tests: one private MariaDB per test process, in memory where the machine has a
//! memory file system, and on it one database per server, copied from a migrated template. With
//! [`SOCKET`] in the environment, the database server at that socket is used instead.

use std::{
    collections::BTreeMap,
    fs::File,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use homeserver::{
    config::Hidden,
    storage::{Address, Storage},
};
use sqlx::{AssertSqlSafe, Connection, Decode, MySql, MySqlConnection, Type};
use tokio::sync::OnceCell;

/// Names the Unix socket of a running MySQL or MariaDB whose `root` needs no password.
const SOCKET: &str = "TEST_DATABASE_SOCKET";
/// How long the database server may take to start.
const START: Duration = Duration::from_secs(60);
const PREFIX: &str = "salon-tests-";
/// Locked as long as the test process lives.
const LOCK: &str = "lock";

static SERVER: OnceCell<DatabaseServer> = OnceCell::const_new();
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The database of one test server. It is dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    server_url: String,
}

impl TestDatabase {
    /// Makes a migrated, otherwise empty database.
    pub async fn create() -> Self {
        let server = SERVER.get_or_init(DatabaseServer::start).await;
        let template = &server.template;
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut conn = server.connect("").await;
        let mut script = format!("create database {name};");
        for table in &server.tables {
            script += &format!(
                "create table {name}.{table} like {template}.{table};
                 insert into {name}.{table} select * from {template}.{table};"
            );
        }
        sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut conn).await.expect("the template is copied");
        Self { name, server_url: server.socket_url.clone() }
    }

    /// Executes statements.
    pub async fn execute(&self, sql: &str) {
        let mut conn = MySqlConnection::connect(&self.url()).await.expect("the database is there");
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await.expect("the statements are valid");
    }

    /// The one value that a query answers.
    pub async fn scalar<T>(&self, sql: &str) -> T
    where
        T: Type<MySql> + for<'r> Decode<'r, MySql> + Send + Unpin,
    {
        let mut conn = MySqlConnection::connect(&self.url()).await.expect("the database is there");
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut conn).await.expect("the query answers a value")
    }

    /// Everything in it: a line for each row, with its table and all values as hexadecimal digits of
    /// their bytes.
    pub async fn dump(&self) -> String {
        let mut conn = MySqlConnection::connect(&self.url()).await.expect("the database is there");
        let columns: Vec<(String, String)> = sqlx::query_as(
            "select cast(table_name as char), cast(column_name as char)
             from information_schema.columns
             where table_schema = database()
             order by table_name, ordinal_position",
        )
        .fetch_all(&mut conn)
        .await
        .expect("there are tables");
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (table, column) in columns {
            tables.entry(table).or_default().push(format!("coalesce(hex(cast(`{column}` as binary)), '')"));
        }
        let mut dump = String::new();
        for (table, values) in tables {
            let sql = format!("select concat_ws(' ', {}) from `{table}`", values.join(", "));
            let rows: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut conn).await.expect("it can be read");
            dump.extend(rows.into_iter().map(|row| format!("{table} {row}\n")));
        }
        dump
    }

    /// The URL a server is configured with.
    pub fn url(&self) -> String {
        url(&self.server_url, &self.name)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (name, url) = (self.name.clone(), url(&self.server_url, ""));
        // The test's own runtime is ending: the clean-up needs one of its own.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                if let Ok(mut conn) = MySqlConnection::connect(&url).await {
                    let drop = sqlx::raw_sql(AssertSqlSafe(format!("drop database {name}")));
                    // A database that stays costs a little memory until the process ends.
                    let _ = drop.execute(&mut conn).await;
                }
            });
        });
    }
}

fn url(socket: &str, database: &str) -> String {
    format!("mysql://root@localhost/{database}?socket={socket}")
}

#[derive(Debug)]
struct DatabaseServer {
    socket_url: String,
    /// The database that is copied, and its tables.
    template: String,
    tables: Vec<String>,
    /// Where its files are, and the lock on them, if it was started here.
    _directory: Option<(tempfile::TempDir, File)>,
}

impl DatabaseServer {
    async fn start() -> Self {
        let (socket, directory) = match std::env::var_os(SOCKET) {
            Some(socket) => (PathBuf::from(socket), None),
            None => start_private(),
        };
        let mut server = Self {
            socket_url: socket.to_str().expect("the path is UTF-8").to_owned(),
            template: format!("template_of_tests_{}", std::process::id()),
            tables: Vec::new(),
            _directory: directory,
        };
        server.tables = server.make_template().await;
        server
    }

    async fn connect(&self, database: &str) -> MySqlConnection {
        let url = url(&self.socket_url, database);
        let deadline = Instant::now() + START;
        loop {
            match MySqlConnection::connect(&url).await {
                Ok(conn) => return conn,
                Err(fault) if Instant::now() > deadline => panic!("the test database did not start: {fault}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    async fn make_template(&self) -> Vec<String> {
        let mut conn = self.connect("").await;
        sqlx::raw_sql(AssertSqlSafe(format!("create database {}", self.template)))
            .execute(&mut conn)
            .await
            .expect("the template is made");
        let template = Address::Url(Hidden::from(url(&self.socket_url, &self.template)));
        let storage = Storage::open(&template, 2).expect("the URL is valid");
        homeserver::storage::migrations::run(&storage).await.expect("the migrations apply");
        storage.close().await;
        sqlx::query_scalar(
            "select cast(table_name as char) from information_schema.tables where table_schema = ? order by table_name",
        )
        .bind(&self.template)
        .fetch_all(&mut conn)
        .await
        .expect("the template has tables")
    }
}

/// Starts a MariaDB in a directory of its own, which is locked.
fn start_private() -> (PathBuf, Option<(tempfile::TempDir, File)>) {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    sweep(&parent);
    let directory = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempdir_in(parent)
        .expect("a directory for the test database can be made");
    let lock = File::create(directory.path().join(LOCK)).expect("a file can be made");
    lock.lock().expect("nobody else locks a new file");
    let socket = directory.path().join("s");
    install(directory.path());
    start_daemon(directory.path(), &socket);
    (socket, Some((directory, lock)))
}

/// Removes the directories of test processes that have ended: values that live as long as the
/// process are never dropped.
fn sweep(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let is_left = is_ours && File::open(entry.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_left {
            // Another process may be removing it at the same time.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn install(directory: &Path) {
    let data = directory.join("data");
    let output = Command::new("mariadb-install-db")
        .env("TMPDIR", temporary(directory))
        .arg("--no-defaults")
        .arg(format!("--datadir={}", data.display()))
        .args(["--skip-test-db", "--skip-name-resolve", "--auth-root-authentication-method=normal"])
        .arg("--innodb-log-file-size=16M")
        .args(as_user(directory))
        .output()
        .expect("mariadb-install-db runs: install mariadb-server");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A directory of the database's own: in `/tmp`, those that start at the same time would take each
/// other's files.
fn temporary(directory: &Path) -> PathBuf {
    let temporary = directory.join("tmp");
    std::fs::create_dir_all(&temporary).expect("the directory of the database can be written to");
    temporary
}

/// MariaDB wants to be told if it is to run as root. The account needs no password because nobody
/// else can enter the directory.
fn as_user(directory: &Path) -> Option<&'static str> {
    let owner = std::fs::metadata(directory).expect("the directory was made").uid();
    (owner == 0).then_some("--user=root")
}

/// Starts `mariadbd`, which ends with this process.
fn start_daemon(directory: &Path, socket: &Path) {
    let options: [(&str, PathBuf); 4] = [
        ("datadir", directory.join("data")),
        ("socket", socket.to_owned()),
        ("pid-file", directory.join("pid")),
        ("log-error", directory.join("log")),
    ];
    let mut command = Command::new("setpriv");
    command.env("TMPDIR", temporary(directory));
    command.args(["--pdeathsig", "KILL", "mariadbd", "--no-defaults"]).args(as_user(directory));
    // Users often lack this directory.
    command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
    for (name, path) in options {
        command.arg(format!("--{name}={}", path.display()));
    }
    command
        .args(["--skip-networking", "--skip-name-resolve", "--skip-log-bin"])
        .args(["--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin"])
        .args(["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-log-file-size=16M"])
        .args(["--max-connections=1000", "--table-open-cache=2000", "--innodb-buffer-pool-size=128M"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    // The signal comes when the thread that started the daemon ends: one that outlives all tests.
    std::thread::spawn(move || command.spawn().expect("mariadbd runs: install mariadb-server").wait());
}
