//! Tests of how claims are understood.

use serde_json::json;

use super::*;

fn rules() -> IdentityProvider {
    IdentityProvider { id: "sso".into(), issuer: "https://sso.test".into(), ..IdentityProvider::default() }
}

fn understood(rules: &IdentityProvider, claims: Value) -> Option<Person> {
    person(rules, claims.as_object().expect("an object"))
}

#[test]
fn claims_tell_the_name_and_the_address() {
    let claims = json!({
        "sub": "1234", "preferred_username": "Alice.B", "name": " Alice ", "email": "Alice@Example.org", "email_verified": true,
    });

    let person = understood(&rules(), claims).expect("there is a subject");

    assert_eq!((&*person.provider_id, &*person.issuer, &*person.subject), ("sso", "https://sso.test", "1234"));
    assert_eq!(person.localpart.as_deref(), Some("alice.b"));
    assert_eq!(person.display_name.as_deref(), Some("Alice"));
    assert_eq!(person.email.as_deref(), Some("alice@example.org"));
    assert_eq!(person.label, "alice@example.org");
}

#[test]
fn an_address_counts_only_if_it_is_proved_or_the_provider_is_trusted() {
    let trusting = IdentityProvider { trusted_emails: true, ..rules() };
    for (verified, is_taken) in
        [(json!(true), true), (json!("true"), true), (json!(false), false), (json!("yes"), false), (json!(null), false)]
    {
        let claims = json!({ "sub": "1", "email": "a@b.test", "email_verified": verified });
        let taken = |rules: IdentityProvider| understood(&rules, claims.clone()).expect("a subject").email.is_some();
        assert_eq!(taken(rules()), is_taken, "{verified}");
        assert!(taken(trusting.clone()));
    }
}

#[test]
fn claims_of_other_names_are_taken_where_the_operator_says_so() {
    let rules = IdentityProvider { localpart_claim: "email".into(), display_name_claim: "nickname".into(), ..rules() };

    let person = understood(&rules, json!({ "sub": "1", "email": "a.b@c.test", "nickname": "Al", "name": "Alice" }));

    let person = person.expect("there is a subject");
    assert_eq!((person.localpart.as_deref(), person.display_name.as_deref()), (Some("a.b"), Some("Al")));
}

#[test]
fn nobody_is_known_without_a_sensible_subject() {
    for claims in [json!({}), json!({ "sub": "" }), json!({ "sub": 7 }), json!({ "sub": "x".repeat(256) })] {
        assert_eq!(understood(&rules(), claims), None);
    }
}

#[test]
fn what_is_no_token_has_no_claims() {
    let payload = URL_SAFE_NO_PAD.encode(r#"{"sub":"1"}"#);
    assert_eq!(of_token(&format!("e30.{payload}.x")).expect("it is one")["sub"], "1");
    for token in ["", "a", "a.b", "a.!.c", "e30.W10.x"] {
        assert_eq!(of_token(token), None, "{token}");
    }
}
