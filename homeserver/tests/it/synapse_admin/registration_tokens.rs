//! Registration tokens.

use homeserver::error::ErrorKind;
use homeserver_testing::TestServer;
use serde_json::{Value, json};

use super::{API, administrator};

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_made_changed_used_and_deleted() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let base = format!("{API}/v1/registration_tokens");
    let later = server.app.clock.now_ms() + 60_000;

    let new = json!({ "token": "fish", "uses_allowed": 2, "expiry_time": later });
    let made = root.post(&format!("{base}/new"), new).await.expect("it can be made");
    let random = root.post(&format!("{base}/new"), json!({ "length": 24, "expiry_time": null })).await;
    let changed = root.put(&format!("{base}/fish"), json!({ "uses_allowed": null })).await.expect("it can be changed");
    let listed = root.get(&base).await.expect("they are listed");
    let valid = root.get(&format!("{base}?valid=false")).await.expect("they are listed");

    let wanted = json!({ "token": "fish", "uses_allowed": 2, "pending": 0, "completed": 0, "expiry_time": later });
    assert_eq!(made, wanted);
    assert_eq!(random.expect("it can be made")["token"].as_str().map(str::len), Some(24));
    assert_eq!((&changed["uses_allowed"], &changed["expiry_time"]), (&Value::Null, &json!(later)));
    assert_eq!(listed["registration_tokens"].as_array().map(Vec::len), Some(2));
    assert_eq!(valid["registration_tokens"], json!([]));
    assert_eq!(root.get(&format!("{base}/fish")).await.expect("it is there"), changed);
    root.delete(&format!("{base}/fish")).await.expect("it can be deleted");
    for answer in [root.get(&format!("{base}/fish")).await, root.delete(&format!("{base}/fish")).await] {
        answer.expect_err("it is gone").assert_is(&ErrorKind::NotFound);
    }
    let past = root.post(&format!("{base}/new"), json!({ "expiry_time": 5 })).await;
    past.expect_err("that is over").assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_which_names_are_free() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;

    let free = root.get(&format!("{API}/v1/username_available?username=nobody")).await;
    let taken = root.get(&format!("{API}/v1/username_available?username={}", alice.id.localpart())).await;

    assert_eq!(free.expect("it is free"), json!({ "available": true }));
    taken.expect_err("it is taken").assert_is(&ErrorKind::UserInUse);
}
