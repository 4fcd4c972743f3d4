//! Which addresses clients may send people back to, and what becomes of them.

use super::SsoTarget;

#[test]
fn sites_and_apps_are_taken() {
    let targets = [
        ("https://app.test/#/login", "app.test", true, "https://app.test/?loginToken=T#/login"),
        ("http://localhost:8123/a?b=c%26d", "localhost:8123", true, "http://localhost:8123/a?b=c%26d&loginToken=T"),
        ("element://connect", "element:", false, "element://connect?loginToken=T"),
        ("im.fluffychat://login", "im.fluffychat:", false, "im.fluffychat://login?loginToken=T"),
        ("https://a.test/?loginToken=old&x=1", "a.test", true, "https://a.test/?x=1&loginToken=T"),
    ];
    for (text, shown, is_site, with_token) in targets {
        let target = SsoTarget::parse(text).expect("it is allowed");
        assert_eq!((target.shown().as_str(), target.is_site()), (shown, is_site), "{text}");
        assert_eq!(target.with_token("T"), with_token);
    }
}

#[test]
fn what_a_browser_would_run_is_refused() {
    let refused = [
        "",
        "/account",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "blob:https://a.test/1",
        "vbscript:x",
        "about:blank",
        "view-source:https://a.test/",
        "filesystem:https://a.test/",
        "https://app.test@evil.test/",
        "https://",
    ];
    for text in refused {
        assert!(SsoTarget::parse(text).is_err(), "{text:?}");
    }
}
