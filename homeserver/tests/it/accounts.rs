//! Registration and sessions.

use homeserver_testing::TestServer;
use ruma::api::client::account::whoami;

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_user_is_recognised_by_the_token() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let answer = alice.send(whoami::v3::Request::new()).await.expect("the token is valid");

    assert_eq!(answer.user_id, "@alice:test.local");
    assert_eq!(answer.device_id, Some(alice.device_id));
}
