//! The specification's own examples, and what attackers try.

use url::Url;

use super::{ApplicationType, is_allowed, matches, needs_gesture};

fn allowed(uri: &str, kind: ApplicationType) -> bool {
    is_allowed(uri, kind, &Url::parse("https://example.com/").expect("a URL"), false)
}

#[test]
fn sites_are_sent_back_to_themselves() {
    for uri in
        ["https://example.com/callback", "https://app.example.com/callback", "https://example.com:5173/?query=value"]
    {
        assert!(allowed(uri, ApplicationType::Web), "{uri}");
        assert!(allowed(uri, ApplicationType::Native), "{uri}");
    }
    for uri in [
        "https://example.com/callback#fragment",
        "http://example.com/callback",
        "http://localhost/",
        "https://evil.test/callback",
        "https://evilexample.com/",
        "https://example.com.evil.test/",
        "https://example.com@evil.test/",
        "https://user@example.com/",
        "javascript:alert(1)",
        "data:text/html,x",
        "com.example:/callback",
        "/callback",
        "",
    ] {
        assert!(!allowed(uri, ApplicationType::Web), "{uri}");
    }
}

#[test]
fn installed_apps_have_schemes_of_their_own_or_the_loopback_interface() {
    for uri in [
        "com.example.app:/callback",
        "com.example:/",
        "com.example:callback",
        "http://localhost/callback",
        "http://127.0.0.1/callback",
        "http://[::1]/callback",
    ] {
        assert!(allowed(uri, ApplicationType::Native), "{uri}");
    }
    for uri in [
        "example:/callback",
        "com.example.app://callback",
        "https://localhost/callback",
        "http://localhost:1234/callback",
        "http://localhost:80/callback",
        "http://[::1]:80/callback",
        "http://192.168.0.1/callback",
        "http://localhost.evil.test/callback",
        "com.examplevil:/callback",
        "com:/callback",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "com.example:/callback#fragment",
    ] {
        assert!(!allowed(uri, ApplicationType::Native), "{uri}");
    }
}

#[test]
fn a_site_on_ones_own_machine_needs_the_option() {
    let client_uri = Url::parse("http://localhost:8080/").expect("a URL");

    assert!(!is_allowed("http://localhost:8080/", ApplicationType::Web, &client_uri, false));
    assert!(is_allowed("http://localhost:8080/", ApplicationType::Web, &client_uri, true));
    assert!(!is_allowed("http://example.com/", ApplicationType::Web, &client_uri, true));
    assert!(!is_allowed("localhost:/x", ApplicationType::Native, &client_uri, true));
}

#[test]
fn addresses_are_compared_exactly_but_for_ports_of_the_loopback_interface() {
    use ApplicationType::{Native, Web};

    assert!(matches("https://example.com/?a=b", "https://example.com/?a=b", Web));
    assert!(matches("http://127.0.0.1/callback", "http://127.0.0.1:4711/callback", Native));
    assert!(matches("http://[::1]/", "http://[::1]:4711/", Native));
    for (registered, uri, kind) in [
        ("https://example.com/", "https://example.com", Web),
        ("https://example.com/", "https://example.com/?a=b", Web),
        ("https://example.com/a", "https://example.com/a/../b", Web),
        ("http://127.0.0.1/callback", "http://127.0.0.1:4711/other", Native),
        ("http://127.0.0.1/callback", "http://localhost:4711/callback", Native),
        ("http://localhost/", "http://localhost.evil.test:80/", Native),
        ("http://localhost/", "http://user@localhost:80/", Native),
        ("https://example.com/", "https://example.com:8443/", Native),
    ] {
        assert!(!matches(registered, uri, kind), "{registered} {uri}");
    }
}

#[test]
fn apps_are_opened_by_a_link() {
    assert!(needs_gesture("com.example.app:/", ApplicationType::Native));
    assert!(needs_gesture("https://example.com/app", ApplicationType::Native));
    assert!(!needs_gesture("http://localhost/", ApplicationType::Native));
    assert!(!needs_gesture("https://example.com/", ApplicationType::Web));
}
