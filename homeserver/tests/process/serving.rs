//! Start, stop, and what is left behind.

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    process::Stdio,
    time::Duration,
};

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Place, Salon, is_alive};

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_directory_becomes_a_server_that_keeps_what_it_is_told() {
    let place = Place::new();
    let salon = place.start_ready().await;
    let token = salon.register("alice").await;
    let database = place.database_process().expect("a database of its own");

    let ended = salon.stop();
    let salon = place.start_ready().await;

    assert!(ended.success(), "{ended}");
    assert!(!is_alive(database), "the database was stopped");
    assert_eq!(salon.whoami(&token).await, "@alice:localhost");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_the_database_are_for_the_owner_alone() {
    let place = Place::new();
    let _salon = place.start_ready().await;

    for (name, expected) in
        [("data", 0o700), ("data/mariadb", 0o700), ("data/secrets.key", 0o600), ("data/registration.secret", 0o600)]
    {
        let mode = std::fs::metadata(place.path().join(name)).expect("it exists").permissions().mode();
        assert_eq!(mode & 0o777, expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_database_is_refused() {
    let place = Place::new();
    place.start_ready().await.stop();
    std::fs::remove_file(place.path().join("data/secrets.key")).expect("the key was there");

    let salon = place.start();

    let complaint = salon.until_logged("salon: ");
    assert!(complaint.contains("data/secrets.key are not those of this database"), "{complaint}");
    assert_eq!(salon.wait().code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_is_answered_before_the_server_stops() {
    let place = Place::new();
    let salon = place.start_ready().await;
    let address = salon.url.trim_start_matches("http://").to_owned();
    let mut client = TcpStream::connect(&address).expect("the server listens");
    let body = r#"{"username":"late","password":"a long password","auth":{"type":"m.login.dummy"}}"#;
    let head = format!(
        "POST /_matrix/client/v3/register HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        body.len()
    );
    client.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
    client.write_all(head.as_bytes()).expect("the server reads");
    let mut go_on = [0; 25];
    client.read_exact(&mut go_on).expect("the server has read the head");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");

    salon.signal(Signal::TERM);
    salon.until_logged("Stopping");
    client.write_all(body.as_bytes()).expect("the server still reads");

    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("the server answers, then closes");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(salon.wait().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_for_news_is_answered_when_the_server_stops() {
    let place = Place::new();
    let salon = place.start_ready().await;
    let token = salon.register("alice").await;
    let (_, _, first) = salon.get_as("/_matrix/client/v3/sync", &token).await;
    let since = first["next_batch"].as_str().expect("a token").to_owned();
    let path = format!("/_matrix/client/v3/sync?timeout=60000&since={since}");
    let stop = async {
        salon.until_parked(1).await;
        salon.signal(Signal::TERM);
    };

    let started = std::time::Instant::now();
    let ((status, _, answer), ()) = tokio::join!(salon.get_as(&path, &token), stop);

    assert!(status.is_success(), "{answer}");
    // The part of the token after the position is about presence, which changes by asking.
    let position = |token: &str| token.split('_').next().map(ToOwned::to_owned);
    assert_eq!(answer["next_batch"].as_str().and_then(position), position(&since));
    assert!(started.elapsed() < Duration::from_secs(10), "it took {:?}", started.elapsed());
    assert!(salon.wait().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_do_not_delay_the_stop() {
    let place = Place::new();
    let salon = place.start_ready().await;
    salon.get("/_matrix/client/versions").await;
    let started = std::time::Instant::now();

    // The client keeps its connection meanwhile.
    salon.signal(Signal::TERM);
    salon.until_logged("Stopping the private MariaDB");

    assert!(started.elapsed() < Duration::from_secs(5), "it took {:?}", started.elapsed());
    assert!(salon.wait().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_data_is_refused() {
    let place = Place::new();
    let _first = place.start_ready().await;

    let second = place.start();

    let complaint = second.until_logged("salon: ");
    assert!(complaint.contains("another process uses the database in"), "{complaint}");
    assert_eq!(second.wait().code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_can_be_json() {
    let place = Place::new().with("SALON_LOGGING__FORMAT", "json");
    let mut process =
        place.command(&[]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let errors = std::io::BufReader::new(process.stderr.take().expect("it is piped"));

    let ready = std::io::BufRead::lines(errors)
        .map_while(Result::ok)
        .map(|line| serde_json::from_str::<Value>(&line).expect("each line is JSON"))
        .find(|line| line["message"] == "Ready");

    let salon = rustix::process::Pid::from_child(&process);
    rustix::process::kill_process(salon, Signal::TERM).expect("the process is there");
    process.wait().expect("it ends");
    assert_eq!(ready.expect("the server became ready")["server.name"], "localhost");
}

/// As root, MariaDB needs to be told that this is wanted; as anybody else it must not be.
#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_user_can_run_it() {
    if !rustix::process::geteuid().is_root() {
        return; // Then all other tests show it.
    }
    let place = Place::new();
    let program = place.path().join("salon");
    std::fs::copy(env!("CARGO_BIN_EXE_salon"), &program).expect("the program can be copied");
    let data = place.path().join("data");
    std::fs::create_dir(&data).expect("it can be made");
    for path in [place.path(), &data] {
        std::os::unix::fs::chown(path, Some(65534), Some(65534)).expect("root may do so");
    }
    let mut command = std::process::Command::new("setpriv");
    let usual = place.command(&[]);
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program).current_dir(place.path());
    for (name, value) in usual.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }

    let salon = Salon::start(command);

    salon.until_healthy().await;
    assert!(salon.stop().success());
}
