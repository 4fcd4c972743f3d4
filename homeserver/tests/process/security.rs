//! The commands that look after the keys and the audit log, beside a server that runs.

use std::process::Output;

use serde_json::Value;

use crate::program::Place;

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("it is text")
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_and_pruned_while_the_server_runs() {
    let place = Place::new();
    let salon = place.start_ready().await;
    let alice = salon.register("alice").await;
    let file = place.path().join("data/secrets.key");
    let before = std::fs::read_to_string(&file).expect("the file was made");

    let early = place.run(&["keys", "prune"]);
    let rotated = text(&place.run(&["keys", "rotate"]));
    let listed = text(&place.run(&["keys", "list"]));
    let pruned = text(&place.run(&["keys", "prune"]));

    assert_eq!(text(&early), "There are no older keys.\n");
    assert!(rotated.starts_with("Key 2 is in ") && rotated.contains("were encrypted anew"), "{rotated}");
    assert!(listed.starts_with("key 2: ") && listed.lines().count() == 1, "{listed}");
    assert!(pruned.starts_with("1 older keys are gone."), "{pruned}");
    let after = std::fs::read_to_string(&file).expect("the file is there");
    assert!(after.lines().count() == 2 && after.contains("\n2:") && after.lines().next() == before.lines().next());
    assert_eq!(salon.whoami(&alice).await, "@alice:localhost");
    salon.log_in("alice", "a long password").await.expect("the password is right");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_in_a_query_is_taken_and_never_logged() {
    let place = Place::new().with("SALON_LOGGING__FILTER", "debug");
    let salon = place.start_ready().await;
    let alice = salon.register("alice").await;
    let http = reqwest::Client::new();
    let ask = async |path: &str| {
        let answer = http.get(format!("{}{path}?access_token={alice}", salon.url)).send().await;
        let answer = answer.expect("the server answers");
        (answer.status().as_u16(), answer.json::<Value>().await.expect("it is JSON"))
    };

    let (status, answer) = ask("/_matrix/client/v3/account/whoami").await;
    let refused = ask("/_matrix/client/v3/rooms/!unknown:localhost/state").await.0;
    let unknown = ask("/_matrix/client/v3/no/such/endpoint").await.0;
    let written = salon.kill().join("\n");

    assert_eq!((status, &answer["user_id"]), (200, &Value::from("@alice:localhost")));
    assert_eq!((refused, unknown), (403, 404));
    assert!(written.contains("A refused request") && written.contains("An unrecognised request"), "{written}");
    assert!(!written.contains(&alice), "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_checked_and_exported() {
    let place = Place::new();
    text(&place.run_with_input(&["user", "add", "root", "--admin"], "a long password\n"));
    text(&place.run(&["user", "make-admin", "root", "--revoke"]));

    let verified = text(&place.run(&["audit", "verify"]));
    let exported = text(&place.run(&["audit", "export"]));
    let later = text(&place.run(&["audit", "export", "--since", "2999-01-01"]));
    let after = text(&place.run(&["audit", "export", "--after", "1"]));

    let anchor = verified.trim().rsplit(' ').next().expect("the last word");
    assert!(verified.starts_with("2 rows are as they were written."), "{verified}");
    let events: Vec<Value> =
        exported.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    let actions: Vec<_> = events.iter().map(|event| event["event.action"].as_str().expect("a name")).collect();
    assert_eq!(actions, ["user_created", "authz_change"]);
    assert!(events.iter().all(|event| event["user.target.id"] == "@root:localhost"));
    assert_eq!((later.as_str(), after.lines().count()), ("", 1));
    text(&place.run(&["audit", "verify", "--anchor", anchor]));
    let other = place.run(&["audit", "verify", "--anchor", &format!("9{anchor}")]);
    let complaint = String::from_utf8(other.stderr).expect("it is text");
    assert_eq!(other.status.code(), Some(1));
    assert!(complaint.contains("is not the one that was noted"), "{complaint}");
    assert_eq!(place.run(&["audit", "verify", "--anchor", "nonsense"]).status.code(), Some(2));
}
