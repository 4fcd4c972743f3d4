//! What can be an address, and what templates make of what people write.

use super::{Language, Text, canonical_address};

#[test]
fn addresses_are_brought_into_one_form_or_refused() {
    assert_eq!(canonical_address("Alice.B+x@Example.ORG").as_deref(), Some("alice.b+x@example.org"));
    let long = format!("{}@example.org", "x".repeat(250));
    let wrong = [
        "",
        "alice",
        "alice@",
        "@example.org",
        "a b@example.org",
        "alice@example.org\r\nBcc: bob@example.org",
        "alice@example.org\nBcc: bob@example.org",
        "alice@example.org\0",
        "alice@example.org, bob@example.org",
        "Alice <alice@example.org>",
        "alice@exam ple.org",
        &long,
    ];
    for address in wrong {
        assert_eq!(canonical_address(address), None, "{address:?}");
    }
}

#[test]
fn every_template_has_all_its_gaps_filled() {
    let (user, device, address, link, left, at) = ("USER", "DEVICE", "ADDRESS", "LINK", "LEFT", 0);
    let texts = [
        (Text::ConfirmAddress { link }, vec![link]),
        (Text::ConfirmRegistration { link }, vec![link]),
        (Text::ResetPassword { link }, vec![link]),
        (Text::AddressTaken, vec![]),
        (Text::NewSignIn { user, device, address, at }, vec![user, device, address, "1970-01-01 00:00 UTC"]),
        (Text::PasswordChanged { user, at }, vec![user]),
        (Text::EmailAdded { user, address, at }, vec![user, address]),
        (Text::EmailRemoved { user, address, at }, vec![user, address]),
        (Text::FactorAdded { user, at }, vec![user]),
        (Text::FactorRemoved { user, at }, vec![user]),
        (Text::RecoveryCodesCreated { user, at }, vec![user]),
        (Text::RecoveryCodeUsed { user, left, at }, vec![user, left]),
        (Text::IdentityLinked { user, provider: "Example SSO", at }, vec![user, "Example SSO"]),
        (Text::IdentityUnlinked { user, provider: "Example SSO", at }, vec![user, "Example SSO"]),
        (Text::FactorLocked { user, at }, vec![user]),
    ];
    for (text, expected) in texts {
        let [english, french] = [Language::English, Language::French].map(|language| text.write(language, "SERVER"));
        assert_ne!(english, french, "{text:?}");
        for (subject, body) in [english, french] {
            assert!(subject.starts_with("SERVER: ") && !subject.contains('\n'), "{subject}");
            assert!(!body.contains(['{', '}']) && !body.is_empty(), "{body}");
            for value in &expected {
                assert!(body.contains(value), "{value} in {body}");
            }
        }
    }
}

#[test]
fn a_device_cannot_write_a_message_by_its_name() {
    let device = "Phone\r\n\r\nYour account is lost, see {user} {link}";
    let text = Text::NewSignIn { user: "@alice:example.org", device, address: "192.0.2.1", at: 0 };

    let (_, body) = text.write(Language::English, "example.org");

    assert!(body.contains("Device:  PhoneYour account is lost, see {user} {link}\n"), "{body}");
}

#[test]
fn the_language_is_the_one_that_is_liked_best() {
    let cases = [
        ("", Language::English),
        ("fr", Language::French),
        ("fr-CA,fr;q=0.9,en;q=0.8", Language::French),
        ("de, en;q=0.5, fr;q=0.7", Language::French),
        ("en-GB,fr", Language::English),
        ("fr;q=0", Language::English),
        ("fr;q=x", Language::English),
        ("*", Language::English),
    ];
    for (accepted, language) in cases {
        assert_eq!(Language::preferred(accepted), language, "{accepted}");
    }
}
