//! Both programs, run by one script.

use std::time::Duration;

use crate::program::{Place, Program};

#[tokio::test(flavor = "multi_thread")]
async fn both_start_without_configuration_and_stop_in_order() {
    let place = Place::new();
    let both = Program::start(place.script(&[]));
    place.until_moderated().await;
    let root = place.root().await;
    let room = root.join_operators().await;

    root.say(&room, "!mod help").await;
    place.until("it is answered", async || root.count(&room, "You can use here").await == 1).await;
    let arguments = ["token", "@root:localhost", "--label", "script", "--role", "owner", "--homeserver-url"];
    let made = place.command("salon-moderation", &[&arguments[..], &[&place.homeserver_url()]].concat()).output();
    let (status, elapsed, log) = both.interrupt();

    let made = String::from_utf8(made.expect("it runs").stdout).expect("it is text");
    assert!(made.starts_with("smt_"), "{made}");
    assert!(status.success(), "{status}: {log}");
    assert!(elapsed < Duration::from_secs(20), "it took {elapsed:?}");
    let first = log.find("moderation::cli::serve: Stopping").expect("the moderation stops");
    let second = log.find("homeserver::cli::serve: Stopping").expect("the homeserver stops");
    assert!(first < second, "{log}");
}

#[test]
fn other_commands_run_alone() {
    let place = Place::new();

    let output = place.script(&["user", "list"]).output().expect("the script runs");

    assert_eq!(String::from_utf8_lossy(&output.stdout), "@root:localhost  administrator\n");
    let wrong = place.script(&[]).env("SALON_SERVER__NAMES", "x").output().expect("the script runs");
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_homeserver_goes_on_without_a_moderation_that_failed() {
    let place = Place::new();
    let mut command = place.script(&[]);
    command.env("SALON_MODERATION_DATABASE__URL", "mysql://nonsense");
    command.env("SALON_MODERATION_LISTENER__ADDRESS", "192.0.2.1:1");
    let both = Program::start(command);

    place.until_healthy().await;
    let (status, _, log) = both.interrupt();

    assert!(status.success(), "{status}: {log}");
    assert!(log.contains("the homeserver goes on without it"), "{log}");
}
