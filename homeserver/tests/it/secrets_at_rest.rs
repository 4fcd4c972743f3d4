//! Whoever has the database has no usable secret, and the keys outside it can be changed.

use homeserver::{
    accounts::{
        personal_tokens::{PersonalTokenRequest, Scope},
        registration::NewRegistrationToken,
    },
    audit::Actor,
    rotation,
    secrets::{columns, files, hex},
    signing,
};
use homeserver_testing::{TestBrowser, TestGateway, TestMailbox, TestServer, TestUser};
use serde_json::{Value, json};

const CLIENT: &str = "SecretiveClient/7.3";
const EMAIL: &str = "alice.secret@mailbox.test";

/// Uses a server in all ways that leave secrets in its database; returns them, each with what it is.
async fn use_it(server: &TestServer, mailbox: &TestMailbox) -> (TestUser, Vec<(&'static str, String)>) {
    let gateway = TestGateway::start().await;
    let alice = server.user("alice").await;
    let mut secrets = vec![("the password", alice.password()), ("the first access token", alice.token.clone())];
    let mut keep = |what, value: &Value| secrets.push((what, value.as_str().expect("a text").to_owned()));

    let login = json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": alice.id },
        "password": alice.password(),
        "refresh_token": true,
    });
    let request = alice.call(reqwest::Method::POST, "/_matrix/client/v3/login").header("User-Agent", CLIENT);
    let session: Value = request.json(&login).send().await.expect("it answers").json().await.expect("it is JSON");
    keep("the access token", &session["access_token"]);
    keep("the refresh token", &session["refresh_token"]);
    let get_token = json!({ "auth": alice.confirmation() });
    let token = alice.post("/_matrix/client/v1/login/get_token", get_token).await.expect("it is confirmed");
    keep("the login token", &token["login_token"]);
    let openid = format!("/_matrix/client/v3/user/{}/openid/request_token", alice.id);
    keep("the OpenID token", &alice.post(&openid, json!({})).await.expect("it is issued")["access_token"]);
    let challenge = alice.post("/_matrix/client/v3/delete_devices", json!({ "devices": ["X"] })).await;
    keep("the authentication session", &challenge.expect_err("it asks for a proof").body["session"]);

    let pusher = json!({
        "app_id": "app", "pushkey": "PushKeyOfAlice1234567", "kind": "http", "app_display_name": "App",
        "device_display_name": "Phone", "lang": "en", "data": { "url": gateway.url() },
    });
    keep("the push key", &pusher["pushkey"]);
    keep("the push gateway", &pusher["data"]["url"]);
    alice.post("/_matrix/client/v3/pushers/set", pusher.clone()).await.expect("it can be set");

    let body = json!({ "client_secret": "ClientSecretOfAlice", "email": EMAIL, "send_attempt": 1 });
    keep("the client secret", &body["client_secret"]);
    let asked = alice.post("/_matrix/client/v3/account/3pid/email/requestToken", body.clone()).await;
    let asked = asked.expect("mail can be sent");
    let token = mailbox.next().await.token();
    keep("the e-mail token", &json!(token));
    confirm(&alice, &token).await;
    let add = json!({ "sid": asked["sid"], "client_secret": body["client_secret"], "auth": alice.confirmation() });
    alice.post("/_matrix/client/v3/account/3pid/add", add).await.expect("it is confirmed");
    mailbox.next().await;
    // Others stay as they were begun, or wait because nobody takes them.
    mailbox.put_off(1000);
    let other = json!({ "client_secret": "another", "email": "waiting.secret@mailbox.test", "send_attempt": 1 });
    alice.post("/_matrix/client/v3/register/email/requestToken", other).await.expect("mail can be sent");

    let token = server.app.accounts.registration.create_token(Actor::operator(), NewRegistrationToken::default());
    keep("the registration token", &json!(token.await.expect("it can be created")));
    server.app.audit.settled().await;
    for (what, value) in [
        ("the e-mail address", EMAIL),
        ("another e-mail address", "waiting.secret@mailbox.test"),
        ("the user agent", CLIENT),
        ("the IP address", "127.0.0.1"),
    ] {
        keep(what, &json!(value));
    }
    (alice, secrets)
}

/// Signs in by all that is more, or other, than a password; returns its secrets, each with what it is.
async fn sign_in_otherwise(server: &TestServer, alice: &TestUser) -> Vec<(&'static str, Vec<u8>)> {
    let (accounts, user) = (&server.app.accounts, server.caller(alice).await.nid);
    let (mail, operator) = ("Mail", Actor::operator);
    let app_password = accounts.app_passwords.create(operator(), user, mail).await.expect("it is made").password;
    let bot = PersonalTokenRequest { label: "Bot".to_owned(), lifetime: None, scope: Scope::Full };
    let token = accounts.personal_tokens.create(operator(), user, &bot).await.expect("it is made").token;
    let cookies = TestBrowser::of(server, alice).await.cookies();
    let cookie = cookies.iter().find(|(name, _)| name.ends_with("salon-session")).expect("somebody is signed in");
    let oauth = crate::oauth::tokens(server, alice).await;
    let (app, recovery_codes) = server.enrol(alice).await;
    let text = |name: &str| oauth[name].as_str().expect("a text").as_bytes().to_vec();
    vec![
        ("the app password", app_password.as_bytes().to_vec()),
        ("the personal token", token.as_bytes().to_vec()),
        ("the cookie", cookie.1.as_bytes().to_vec()),
        ("an application's code", text("code")),
        ("an application's access token", text("access_token")),
        ("an application's refresh token", text("refresh_token")),
        ("the key of the authenticator app", app.secret().to_vec()),
        ("a recovery code", recovery_codes[0].as_bytes().to_vec()),
        ("a recovery code without its dashes", recovery_codes[0].replace('-', "").into_bytes()),
    ]
}

async fn confirm(user: &TestUser, token: &str) {
    let request = user.call(reqwest::Method::POST, "/_salon/email/confirm");
    let answer = request.body(format!("token={token}")).send().await.expect("the server answers");
    assert_eq!(answer.status(), 200);
}

/// Waits until it is noted when and from where devices were used.
async fn seen(server: &TestServer) {
    let outcome = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        while server.scalar::<i64>("select count(*) from devices where last_seen_ip is not null").await == 0 {
            tokio::task::yield_now().await;
        }
    });
    outcome.await.expect("it is noted in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_the_database_has_no_usable_secret() {
    let mailbox = TestMailbox::start().await;
    let server = TestServer::start_with(|config| {
        mailbox.configure(config);
        config.discovery.client_url = Some("https://matrix.test.local".parse().expect("a URL"));
    })
    .await;
    let (alice, secrets) = use_it(&server, &mailbox).await;
    let others = sign_in_otherwise(&server, &alice).await;
    seen(&server).await;
    let sealed: Vec<u8> = server.scalar("select value from server_settings where name = 'signing_key'").await;
    let key = server.app.secrets.open(&columns::SIGNING_KEY, &[&signing::SETTING], &sealed).expect("it opens");

    let dump = server.dump().await;

    assert!(dump.contains(&hex(b"@alice:test.local").to_uppercase()), "what is no secret is found");
    for table in ["devices", "pushers", "audit_origins", "email_addresses", "email_validations", "outgoing_mail"] {
        assert!(dump.contains(&format!("\n{table} ")), "{table} is in use");
    }
    for table in ["app_passwords", "browser_sessions", "oauth_sessions", "recovery_codes", "totp_factors"] {
        assert!(dump.contains(&format!("\n{table} ")), "{table} is in use");
    }
    let secrets = secrets.into_iter().map(|(what, secret)| (what, secret.into_bytes()));
    for (what, secret) in secrets.chain(others) {
        assert!(!dump.contains(&hex(&secret).to_uppercase()), "{what} is in the dump");
    }
    // The key proper is 32 bytes inside the document.
    for part in key.windows(32) {
        assert!(!dump.contains(&hex(part).to_uppercase()), "the signing key is in the dump");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_columns_are_those_of_the_schema_with_that_comment() {
    let server = TestServer::start().await;

    let marked: Vec<u8> = server
        .scalar(
            "select cast(group_concat(concat(table_name, '.', column_name) order by 1 separator ' ') as binary)
             from information_schema.columns
             where table_schema = database() and column_comment = 'sealed'",
        )
        .await;

    let mut listed: Vec<String> = columns::ALL.iter().map(ToString::to_string).collect();
    listed.sort();
    assert_eq!(String::from_utf8(marked).expect("names are text"), listed.join(" "));
    for column in columns::ALL {
        let key: Vec<u8> = server
            .scalar(&format!(
                "select cast(group_concat(column_name order by seq_in_index separator ' ') as binary)
                 from information_schema.statistics
                 where table_schema = database() and table_name = '{}' and index_name = 'PRIMARY'",
                column.table
            ))
            .await;
        let listed: Vec<_> = column.key.iter().map(|part| part.column()).collect();
        assert_eq!(String::from_utf8(key).expect("names are text"), listed.join(" "), "{column}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_while_the_server_serves() {
    let mailbox = TestMailbox::start().await;
    let server = TestServer::start_with(|config| mailbox.configure(config)).await;
    let (alice, _) = use_it(&server, &mailbox).await;
    seen(&server).await;
    let (app, file) = (server.app.clone(), server.app.config.key_file());
    let before = rotation::count(&app.storage).await.expect("they can be counted");
    assert_eq!(before.keys().copied().collect::<Vec<_>>(), [1]);
    let of_columns = "select count(*) from pushers where left(pushkey, 3) = x'010002' and left(data, 3) = x'010002'";

    // Another process makes a key and uses it before this one has noticed.
    let mut keys = files::key_ring(&file).expect("the file is there");
    keys.add().expect("there are numbers left");
    files::replace_key_ring(&file, &keys).expect("it can be written");
    let other = homeserver::secrets::Secrets::of(&app.config).expect("the file is there");
    let busy = async {
        for _ in 0..20 {
            alice.get("/_matrix/client/v3/pushers").await.expect("what is encrypted anew is read");
            alice.get("/_matrix/client/v3/account/3pid").await.expect("what is encrypted anew is read");
        }
    };
    let (count, ()) = tokio::join!(rotation::reseal(&app.storage, &other), busy);
    let count = count.expect("everything is readable");
    app.secrets.reload().expect("the file is there");
    rotation::reseal(&app.storage, &app.secrets).await.expect("everything is readable");

    assert!(count >= 10, "{count}");
    let after = rotation::count(&app.storage).await.expect("they can be counted");
    assert_eq!(after.keys().copied().collect::<Vec<_>>(), [2]);
    assert_eq!(server.scalar::<i64>(of_columns).await, 1);
    // The old key is not needed any more, and tokens are as good as before.
    assert_eq!(keys.remove_older(), [1]);
    files::replace_key_ring(&file, &keys).expect("it can be written");
    let server = server.restart().await;
    let alice = alice.at(&server);
    assert!(alice.is_logged_in().await);
    let emails = alice.get("/_matrix/client/v3/account/3pid").await.expect("they can be listed");
    assert_eq!(emails["threepids"][0]["address"], EMAIL);
    let pushers = alice.get("/_matrix/client/v3/pushers").await.expect("they can be listed");
    assert_eq!(pushers["pushers"][0]["pushkey"], "PushKeyOfAlice1234567");
    let verdict = server.app.audit.verify(None).await.expect("it can be checked");
    assert_eq!(verdict.finding, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_can_be_given_by_the_configuration() {
    let keys = homeserver::secrets::KeyRing::generate().text().replace('\n', " ");
    let server = TestServer::start_with(|config| config.secrets.keys = Some(keys.into())).await;
    let alice = server.user("alice").await;

    let server = server.restart().await;

    assert!(alice.at(&server).is_logged_in().await);
    assert!(!server.app.config.key_file().exists(), "no file is made");
}
