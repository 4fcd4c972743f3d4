//! What application services tell of other networks.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestAppService, TestServer};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn networks_of_the_same_protocol_are_merged() {
    let speaks_irc = |id: &'static str| {
        TestAppService::start_with(move |registration| {
            registration["id"] = json!(id);
            registration["as_token"] = json!(id);
            registration["sender_localpart"] = json!(id);
            registration["protocols"] = json!(["irc"]);
        })
    };
    let (mut one, mut other) = (speaks_irc("one").await, speaks_irc("other").await);
    let server = TestServer::start_with(|config| {
        one.register(config);
        other.register(config);
    })
    .await;
    let bob = server.user("bob").await;
    let protocol = |network: &str| {
        json!({
            "user_fields": ["nick"], "location_fields": ["channel"], "icon": "mxc://test.local/irc", "field_types": {},
            "instances": [{ "desc": network, "network_id": network, "fields": {} }],
        })
    };

    let (answer, ()) = tokio::join!(bob.get("/_matrix/client/v3/thirdparty/protocols"), async {
        for (service, network) in [(&mut one, "libera"), (&mut other, "oftc")] {
            let asked = service.asked().await;
            assert_eq!(asked.path, "/_matrix/app/v1/thirdparty/protocol/irc");
            asked.answer(200, protocol(network));
        }
    });

    let irc = &answer.expect("the protocols are told")["irc"];
    assert_eq!(irc["user_fields"], json!(["nick"]));
    let instances = irc["instances"].as_array().expect("a list");
    let names: Vec<_> = instances.iter().map(|instance| &instance["instance_id"]).collect();
    assert_eq!(names, ["one|libera", "other|oftc"]);
    let unknown = bob.get("/_matrix/client/v3/thirdparty/protocol/icq").await;
    unknown.expect_err("nobody speaks it").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn places_and_people_are_looked_up_by_what_the_network_knows_of_them() {
    let mut service = TestAppService::start_with(|registration| registration["protocols"] = json!(["irc"])).await;
    let server = service.server().await;
    let bob = server.user("bob").await;
    let cases = [
        ("location/irc?channel=%23here", "location/irc?channel=%23here"),
        ("user/irc?nick=bob", "user/irc?nick=bob"),
        ("location?alias=%23here%3Atest.local", "location?alias=%23here%3Atest.local"),
        ("user?userid=%40bob%3Atest.local", "user?userid=%40bob%3Atest.local"),
    ];

    for (path, expected) in cases {
        let path = format!("/_matrix/client/v3/thirdparty/{path}");
        let (answer, ()) = tokio::join!(bob.get(&path), async {
            let asked = service.asked().await;
            assert_eq!(asked.path, format!("/_matrix/app/v1/thirdparty/{expected}"));
            asked.answer(200, json!([{ "protocol": "irc" }]));
        });
        assert_eq!(answer.expect("something is found"), json!([{ "protocol": "irc" }]));
    }
    let nothing = bob.get("/_matrix/client/v3/thirdparty/user/icq?nick=bob").await;
    nothing.expect_err("nobody speaks it").assert_is(&ErrorKind::NotFound);
}
