//! What becomes of an event: its line, and what is left of a user agent.

use std::net::IpAddr;

use ruma::user_id;

use super::{Action, Event, Origin, lines, writer::Pending};

fn origin() -> Origin {
    Origin::new(IpAddr::from([203, 0, 113, 7]), Some("Element"))
}

fn line(event: Event) -> Option<String> {
    lines::line(&Pending { at_ms: 1_795_516_740_007, event })
}

#[test]
fn the_lines_for_fail2ban_never_change() {
    let failed = Event::new(Action::SignIn, &origin()).failed("bad_password");
    let known = failed.clone().on(user_id!("@alice:example.org"));

    assert_eq!(
        line(known).as_deref(),
        Some(
            "2026-11-24T10:39:00.007Z salon authn_login_fail ip=203.0.113.7 reason=bad_password user=@alice:example.org\n"
        )
    );
    assert_eq!(
        line(failed).as_deref(),
        Some("2026-11-24T10:39:00.007Z salon authn_login_fail ip=203.0.113.7 reason=bad_password user=-\n")
    );
}

#[test]
fn what_is_no_attack_has_no_line() {
    assert_eq!(line(Event::new(Action::SignIn, &origin())), None);
    assert_eq!(line(Event::new(Action::PasswordChanged, &origin()).failed("bad_password")), None);
}

#[test]
fn user_agents_are_cut_and_have_no_control_characters() {
    let agent = format!("Evil\r\nX-Header: yes\u{1b}[31m{}", "é".repeat(300));

    let origin = Origin::new(IpAddr::from([192, 0, 2, 1]), Some(&agent));

    let kept = origin.user_agent.expect("there is one");
    assert!(kept.len() <= 256 && kept.starts_with("EvilX-Header: yes[31m"), "{kept}");
}
