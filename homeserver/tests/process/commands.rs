//! The commands besides `serve`.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Output, Stdio},
};

use crate::program::Place;

#[test]
fn a_wrong_option_is_one_line_and_exit_code_two() {
    let place = Place::new().with("SALON_SERVER__NAMES", "example.org");

    for arguments in [&["serve"] as &[&str], &["check-config"]] {
        let output = place.run(arguments);

        let complaint = String::from_utf8(output.stderr).expect("it is text");
        assert_eq!(output.status.code(), Some(2));
        assert!(complaint.starts_with("salon: SALON_SERVER__NAMES (server.names): there is no such option"));
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

#[test]
fn certificates_are_checked_with_the_configuration() {
    let place = Place::new()
        .with("SALON_LISTENERS__TLS", "127.0.0.1:0")
        .with("SALON_LISTENERS__CERTIFICATE", "/nowhere/certificate.pem")
        .with("SALON_LISTENERS__KEY", "/nowhere/key.pem");

    let output = place.run(&["check-config"]);

    let complaint = String::from_utf8(output.stderr).expect("it is text");
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint.starts_with("salon: listeners.certificate: /nowhere/certificate.pem is not usable"));
}

#[test]
fn the_version_is_told() {
    let output = Place::new().run(&["version"]);

    assert_eq!(String::from_utf8(output.stdout).expect("it is text"), format!("salon {}\n", env!("CARGO_PKG_VERSION")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_can_be_made_before_the_first_start() {
    let place = Place::new();

    let made = place.run_with_input(&["user", "add", "root", "--admin"], "a long password\n");

    assert_eq!(text(&made), "@root:localhost is now a server administrator.\n");
    assert_eq!(text(&place.run(&["user", "list"])), "@root:localhost  administrator\n");
    let salon = place.start_ready().await;
    let token = salon.log_in("root", "a long password").await.expect("the password is right");
    assert_eq!(salon.whoami(&token).await, "@root:localhost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_made_up_if_none_is_given() {
    let place = Place::new();

    let made = text(&place.run(&["user", "add", "alice"]));

    let password = made.trim().rsplit(' ').next().expect("the last word").to_owned();
    let salon = place.start_ready().await;
    salon.log_in("alice", &password).await.expect("the password is the one that was told");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_take_effect_while_the_server_runs() {
    let place = Place::new();
    let salon = place.start_ready().await;
    let [alice, bob] = [salon.register("alice").await, salon.register("bob").await];
    let database = place.database_process();

    let reset = place.run_with_input(&["user", "reset-password", "alice"], "another long password\n");
    let closed = place.run(&["user", "deactivate", "@bob:localhost"]);

    assert!(reset.status.success() && closed.status.success(), "{reset:?} {closed:?}");
    salon.until_logged_out(&alice).await;
    salon.until_logged_out(&bob).await;
    salon.log_in("alice", "another long password").await.expect("the password is the new one");
    let refusal = salon.log_in("bob", "a long password").await.expect_err("the account is closed");
    assert_eq!(refusal["errcode"], "M_USER_DEACTIVATED");
    assert_eq!(place.database_process(), database, "the server's database was used");
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_come_and_go() {
    let place = Place::new();
    place.run(&["user", "add", "alice"]);

    let made = place.run(&["user", "make-admin", "alice"]);
    let listed = place.run(&["user", "list"]);
    let revoked = place.run(&["user", "make-admin", "alice", "--revoke"]);

    assert_eq!(text(&made), "@alice:localhost is a server administrator.\n");
    assert_eq!(text(&listed), "@alice:localhost  administrator\n");
    assert_eq!(text(&revoked), "@alice:localhost is no server administrator any more.\n");
    assert_eq!(text(&place.run(&["user", "list"])), "@alice:localhost\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_set_up_and_taken_away_by_commands() {
    let place = Place::new();
    let salon = place.start_ready().await;
    let alice = salon.register("alice").await;

    let recovery_codes = add_totp(&place, "alice");
    assert_eq!(recovery_codes.len(), 10);
    let refusal = salon.log_in("alice", "a long password").await.expect_err("a code is missing");
    assert_eq!(refusal["errcode"], "M_FORBIDDEN");
    let with_code = format!("a long password {}", recovery_codes[0]);
    salon.log_in("alice", &with_code).await.expect("a recovery code stands for the app's");

    let made = text(&place.run(&["user", "app-password", "alice", "--label", "Mail"]));
    let app_password = made.trim().rsplit(' ').next().expect("the last word").to_owned();
    salon.log_in("alice", &app_password).await.expect("it needs no code");
    let made = text(&place.run(&["user", "access-token", "alice", "--label", "Bot", "--days", "30", "--read-only"]));
    let token = made.trim().rsplit(' ').next().expect("the last word").to_owned();
    assert_eq!(salon.whoami(&token).await, "@alice:localhost");

    let reset = text(&place.run(&["user", "reset-totp", "alice"]));
    assert!(reset.starts_with("@alice:localhost logs in by password alone"), "{reset}");
    for ended in [&alice, &token] {
        salon.until_logged_out(ended).await;
    }
    salon.log_in("alice", &app_password).await.expect_err("it has ended");
    salon.log_in("alice", "a long password").await.expect("the password is enough");
}

/// Sets up the second factor of `user`; returns the recovery codes.
fn add_totp(place: &Place, user: &str) -> Vec<String> {
    let mut command = place.command(&["user", "add-totp", user]);
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines().map(|line| line.expect("text"));
    let url = lines.find_map(|line| line.split_once("otpauth:").map(|(_, rest)| format!("otpauth:{rest}")));
    let app = totp_rs::Totp::from_url(url.expect("there is a URL")).expect("it is valid");
    let mut stdin = process.stdin.take().expect("it is piped");
    writeln!(stdin, "{}", app.generate_current()).expect("the program reads");
    let codes = lines.filter(|line| line.split('-').count() == 4 && line.len() == 19).collect();
    assert!(process.wait().expect("it ends").success());
    codes
}

#[test]
fn all_access_rules_can_be_lifted() {
    let place = Place::new();

    assert_eq!(text(&place.run(&["access", "list"])), "");
    assert_eq!(text(&place.run(&["access", "lift", "--all"])), "0 rules are revoked.\n");
}

#[test]
fn what_cannot_be_done_is_told_in_a_sentence() {
    let place = Place::new();
    place.run(&["user", "add", "alice"]);
    let cases = [
        (vec!["user", "add", "alice"], "taken"),
        (vec!["user", "add", "@alice:elsewhere.org"], "is not a user name on localhost"),
        (vec!["user", "deactivate", "nobody"], "There is no such user on this server."),
        (vec!["user", "reset-password", "nobody"], "There is no such user on this server."),
        (vec!["user", "reset-totp", "nobody"], "There is no such user on this server."),
        (vec!["user", "add-totp", "alice"], "An authenticator app shows codes of six digits."),
        (vec!["access", "lift", "unknown"], "There is no rule \"unknown\" in force."),
        (vec!["user", "app-password", "alice", "--label", " "], "A name of 1 to 100 characters is needed."),
    ];

    for (arguments, expected) in cases {
        let output = place.run(&arguments);

        let complaint = String::from_utf8(output.stderr).expect("it is text");
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        assert!(complaint.starts_with("salon: ") && complaint.contains(expected), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("it is text")
}
