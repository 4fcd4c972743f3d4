//! What the configuration accepts and refuses, and that `config/homeserver.toml` is complete.

use std::{io::Write, path::Path};

use super::{Config, IdentityProvider, RegistrationMode, Terms, load::from_sources};

const EXAMPLE: &str = include_str!("../../../config/homeserver.toml");

fn variables<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file can be made");
    file.write_all(text.as_bytes()).expect("it can be written");
    file
}

fn from_file(text: &str) -> Result<Config, super::Problem> {
    from_sources(Some(file(text).path()), Vec::new())
}

/// The message without the name of the temporary file.
fn refusal(text: &str) -> String {
    let file = file(text);
    let problem = from_sources(Some(file.path()), Vec::new()).expect_err("this is refused").to_string();
    problem.replace(file.path().to_str().expect("the path is UTF-8"), "FILE")
}

#[test]
fn the_environment_wins_over_the_file() {
    let file = file("[server]\nname = 'file.test'\n[rooms]\ndefault_version = '11'");
    let environment = variables([
        ("SALON_SERVER__NAME", "environment.test"),
        ("SALON_LISTENERS__PLAIN", "0.0.0.0:80"),
        ("SALON_HTTP__TRUSTED_PROXIES", r#"["10.0.0.0/8", "fd00::/8"]"#),
        ("SALON_HTTP__CLIENT_ADDRESS_HEADER", "X-Forwarded-For"),
        ("SALON_REGISTRATION__MODE", "token"),
    ]);

    let config = from_sources(Some(file.path()), environment).expect("all of it is valid");

    assert_eq!(config.server.name, "environment.test");
    assert_eq!(config.rooms.default_version.as_str(), "11");
    assert_eq!(config.listeners.plain, ["0.0.0.0:80".parse().expect("an address")]);
    assert_eq!(config.http.trusted_proxies.len(), 2);
    assert_eq!(config.registration.mode, RegistrationMode::Token);
}

#[test]
fn the_environment_can_name_the_file() {
    let file = file("[server]\nname = 'named.test'");
    let path = file.path().to_str().expect("the path is UTF-8");

    let config = from_sources(None, variables([("SALON_CONFIG", path)])).expect("the file is valid");

    assert_eq!(config.server.name, "named.test");
}

#[test]
fn a_named_file_must_exist() {
    let problem = from_sources(Some(Path::new("/nowhere/salon.toml")), Vec::new()).expect_err("there is no such file");

    assert_eq!(problem.to_string(), "/nowhere/salon.toml: No such file or directory (os error 2)");
}

#[test]
fn unknown_options_are_refused_by_name() {
    let unknown = |option: &str| format!("{option}: there is no such option here");
    let from_variable = |name| from_sources(None, variables([(name, "x")])).expect_err("it is unknown").to_string();

    let cases = [
        (refusal("[server]\nnam = 'x'"), unknown("server.nam in FILE")),
        (refusal("[servers]\nname = 'x'"), unknown("servers in FILE")),
        (from_variable("SALON_SERVER__NAMES"), unknown("SALON_SERVER__NAMES (server.names)")),
        (from_variable("SALON_SERVER_NAME"), unknown("SALON_SERVER_NAME (server_name)")),
    ];

    for (message, expected) in cases {
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[test]
fn wrong_values_are_refused_in_one_line_with_the_option() {
    let cases = [
        ("[server]\nname = 'no such name'", "server.name in FILE: "),
        ("[listeners]\nplain = 'localhost'", "listeners.plain in FILE: invalid socket address"),
        ("[listeners]\ntls = '[::]:443'", "listeners.certificate: is needed because listeners.tls is set"),
        ("[registration]\nmode = 'maybe'", "registration.mode in FILE: unknown variant"),
        ("[rooms]\ndefault_version = '99'", "rooms.default_version: is not a room version"),
        ("[database]\nurl = 'postgres://localhost/salon'", "database.url: must look like mysql://"),
        ("[database]\nconnections = 1", "database.connections: must be between"),
        ("[http]\nclient_address_header = 'X-Real-IP'", "http.client_address_header: is of no use"),
        ("[http]\ntrusted_proxies = '::1'", "http.trusted_proxies in FILE: invalid IP address syntax"),
        ("[discovery]\nclient_url = 'matrix.example.org'", "discovery.client_url in FILE: "),
        ("[discovery]\nclient_url = 'ftp://example.org'", "discovery.client_url: must look like https://"),
        ("[captcha]\nservice = 'magic'", "captcha.service in FILE: unknown variant"),
        ("[captcha]\nsite_key = 'x'", "captcha.service: is needed"),
        ("[captcha]\nservice = 'turnstile'", "captcha.site_key: is needed"),
        (&captcha(""), "captcha.secret_file: is needed"),
        (&captcha("secret = 'x'\nsecret_file = 'y'"), "captcha.secret_file: is of no use"),
        (&captcha("secret = 'x'\nverify_url = 'http://captcha.test'"), "captcha.verify_url: must look like https://"),
        (&captcha("secret = 'x'\nscript_sources = 'https://a.test;script-src'"), "captcha.script_sources: must look"),
        ("[[terms]]\nid = 'a b'", "terms.id: must be"),
        ("[[terms]]\nid = 'privacy'", "terms.version: must be"),
        ("[[terms]]\nid = 'privacy'\nversion = '1'", "terms.texts: must look like"),
        ("[[terms]]\nid = 'x'\nversion = '1'\ntexts.en = { name = 'X' }", "terms.texts: must look like"),
        (&provider("issuer = 'http://sso.test'"), "identity_providers.issuer: must look like https://"),
        (&provider("id = 'local'"), "identity_providers.id: is the name of this server's own pages"),
        (&provider("scopes = 'profile'"), "identity_providers.scopes: must contain openid"),
        ("[logging]\nfilter = 'info,,=x=y'", "logging.filter: "),
        ("[server", "FILE: "),
    ];
    for (text, expected) in cases {
        let message = refusal(text);
        assert!(message.contains(expected), "{text:?} is refused with {message:?}");
        assert!(!message.contains('\n'), "{message:?} is one line");
    }
}

/// A captcha with one more line.
fn captcha(line: &str) -> String {
    format!("[captcha]\nservice = 'turnstile'\nsite_key = 'x'\n{line}")
}

/// An identity provider with one more line, which wins over another of the same option.
fn provider(line: &str) -> String {
    let option = line.split(' ').next().expect("a line names an option");
    let all = ["id = 'sso'", "name = 'SSO'", "issuer = 'https://sso.test'", "client_id = 'salon'"];
    let others: Vec<_> = all.into_iter().filter(|other| !other.starts_with(&format!("{option} "))).collect();
    format!("[[identity_providers]]\n{}\n{line}", others.join("\n"))
}

#[test]
fn identity_providers_are_read_from_the_file_and_from_the_environment() {
    let from_file = from_file(&provider("client_secret = 'hunter2'")).expect("it is valid");
    let variable = r#"[{id="sso",name="SSO",issuer="https://sso.test",client_id="salon",client_secret="hunter2"}]"#;
    let from_environment = from_sources(None, variables([("SALON_IDENTITY_PROVIDERS", variable)])).expect("so is this");

    assert_eq!(from_file, from_environment);
    assert!(!format!("{from_file:?}").contains("hunter2"));
    assert!(refusal(&[provider(""), provider("")].concat()).contains("identity_providers.id: must be another"));
}

/// What the example says of them is commented out, because there are none by default.
#[test]
fn the_example_of_an_identity_provider_has_the_defaults() {
    let lines = EXAMPLE.lines().skip_while(|line| *line != "# [[identity_providers]]");
    let lines = lines.map_while(|line| line.strip_prefix("# "));
    let options: Vec<_> = lines.filter(|line| line.contains(" = ") || line.starts_with('[')).collect();

    let config = from_file(&options.join("\n")).expect("it is valid");

    let example = &config.identity_providers[0];
    let chosen = IdentityProvider {
        id: example.id.clone(),
        name: example.name.clone(),
        issuer: example.issuer.clone(),
        client_id: example.client_id.clone(),
        ..IdentityProvider::default()
    };
    assert_eq!(*example, chosen);
}

#[test]
fn the_password_of_the_database_is_not_shown() {
    let config = from_file("[database]\nurl = 'mysql://salon:hunter2@db/salon'").expect("the URL is valid");

    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn the_example_file_has_the_defaults() {
    let config = from_file(EXAMPLE).expect("the example is valid");

    assert_eq!(config, Config::default());
}

/// Options without a default stand there too, commented out.
#[test]
fn the_example_file_has_every_option_with_a_sentence() {
    let mut table = String::new();
    let mut listed = Vec::new();
    let mut before = "";
    for line in EXAMPLE.lines() {
        if let Some(name) = line.trim_start_matches("# ").strip_prefix('[') {
            table = name.trim_matches(['[', ']']).to_owned();
        } else if let Some((name, _)) = line.trim_start_matches("# ").split_once(" = ")
            && name.chars().all(|character| character.is_ascii_lowercase() || character == '_')
        {
            assert!(before.starts_with("# ") && before.ends_with('.'), "{table}.{name} has no sentence");
            listed.push(format!("{table}.{name}"));
        }
        before = line;
    }
    // Of tables that are repeated, one stands for all.
    let config = Config {
        identity_providers: vec![IdentityProvider::default()],
        terms: vec![Terms::default()],
        ..Config::default()
    };
    let defaults = serde_json::to_value(config).expect("options are plain values");
    let mut options = Vec::new();
    for (table, of_table) in defaults.as_object().expect("tables") {
        let of_table = of_table.get(0).unwrap_or(of_table);
        for name in of_table.as_object().expect("options").keys() {
            options.push(format!("{table}.{name}"));
        }
    }
    listed.sort();
    options.sort();
    assert_eq!(listed, options);
}
