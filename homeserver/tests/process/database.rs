//! A database that is away, dies or is left behind.

use std::time::{Duration, Instant};

use homeserver::storage::private::{Claim, PrivateDatabase};
use rustix::process::{Signal, kill_process};

use crate::program::{PATIENCE, Place, is_alive, until};

#[tokio::test(flavor = "multi_thread")]
async fn the_server_survives_the_death_of_its_database() {
    let place = Place::new();
    let salon = place.start_ready().await;
    let token = salon.register("alice").await;
    let database = place.database_process().expect("a database of its own");

    kill_process(database, Signal::KILL).expect("it is there");
    until("the database is dead", || !is_alive(database)).await;

    // Whatever comes meanwhile is refused in a way that clients understand, or answered already.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (status, headers, body) = salon.get("/health").await;
        if status.is_success() {
            break;
        }
        assert_eq!((status.as_u16(), &body["errcode"]), (503, &"M_UNKNOWN".into()));
        assert!(headers.contains_key("retry-after"), "{headers:?}");
        assert!(Instant::now() < deadline, "the database did not come back");
    }
    assert_eq!(salon.whoami(&token).await, "@alice:localhost");
    let bob = salon.register("bob").await;
    assert_eq!(salon.whoami(&bob).await, "@bob:localhost");
    assert_ne!(place.database_process(), Some(database));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_can_be_started_again_at_once() {
    let place = Place::new();
    let salon = place.start_ready().await;
    let token = salon.register("alice").await;
    let orphan = place.database_process().expect("a database of its own");

    salon.kill();
    let salon = place.start_ready().await;

    assert_eq!(salon.whoami(&token).await, "@alice:localhost");
    assert!(!is_alive(orphan), "a database without a server does not stay");
    assert_ne!(place.database_process(), Some(orphan));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_ends_with_a_server_that_was_killed() {
    let place = Place::new();
    let salon = place.start_ready().await;
    let orphan = place.database_process().expect("a database of its own");

    salon.kill();

    until("the database has ended", || !is_alive(orphan)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_can_be_stopped_at_any_moment_of_its_start() {
    let place = Place::new();
    place.start_ready().await.stop();

    for moment_ms in (0..400).step_by(25) {
        let salon = place.start();
        tokio::time::sleep(Duration::from_millis(moment_ms)).await;
        let stopped = Instant::now();

        assert!(salon.stop().success());

        assert!(stopped.elapsed() < Duration::from_secs(20), "it took {:?} after {moment_ms} ms", stopped.elapsed());
    }
    place.start_ready().await.register("alice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_was_cut_short_is_repeated() {
    let place = Place::new();
    let salon = place.start();
    salon.until_logged("Making a private MariaDB");
    salon.kill();
    let draft = place.database().join("data.new");
    std::fs::create_dir_all(draft.join("mysql")).expect("something half-made can be left there");

    let salon = place.start_ready().await;

    salon.register("alice").await;
    assert!(!draft.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_may_be_deeper_than_a_socket_allows() {
    let deep = format!("{}/data", "deep/".repeat(30));
    let place = Place::new().with("SALON_SERVER__DATA_DIRECTORY", &deep);

    let salon = place.start_ready().await;

    salon.register("alice").await;
    assert!(salon.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_waits_for_a_configured_database_and_outlives_its_absence() {
    let elsewhere = tempfile::tempdir().expect("a directory can be made");
    let user = String::from_utf8(std::process::Command::new("id").arg("-un").output().expect("id runs").stdout);
    let user = user.expect("a user has a name");
    let socket = elsewhere.path().join("socket");
    let url = format!("mysql://{}@localhost/salon?socket={}", user.trim(), socket.display());
    let place = Place::new().with("SALON_DATABASE__URL", &url);
    let start = || async { PrivateDatabase::start(elsewhere.path()).await.expect("MariaDB is installed") };

    // It is away at first.
    let salon = place.start();
    let (status, headers, body) = salon.get("/_matrix/client/versions").await;
    assert_eq!((status.as_u16(), &body["errcode"]), (503, &"M_UNKNOWN".into()));
    assert!(headers.contains_key("retry-after"));
    assert_eq!(salon.get("/health").await.0, 503);

    // It comes.
    let database = start().await;
    salon.until_healthy().await;
    let token = salon.register("alice").await;

    // It goes, and comes back.
    database.stop().await;
    assert_eq!(salon.get("/health").await.0, 503);
    let database = start().await;
    salon.until_healthy().await;
    assert_eq!(salon.whoami(&token).await, "@alice:localhost");
    assert!(!place.database().exists(), "no private database is made");

    assert!(salon.stop().success());
    database.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_the_directory_runs_the_database() {
    let place = Place::new();
    let salon = place.start_ready().await;

    let claim = PrivateDatabase::claim(&place.database()).expect("MariaDB is installed");

    assert!(matches!(claim, Claim::Theirs(_)));
    assert!(salon.stop().success());
}
