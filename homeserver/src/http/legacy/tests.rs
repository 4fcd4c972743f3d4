//! Tests of older clients' bodies.

use super::*;

fn value(body: Bytes) -> Value {
    serde_json::from_slice(&body).expect("JSON")
}

#[test]
fn a_user_becomes_an_identifier() {
    let body = json!({ "auth": { "type": "m.login.password", "user": "alice", "password": "x" } });

    let modern = value(auth(body.to_string().into()).expect("it is possible"));

    assert_eq!(modern["auth"]["identifier"], json!({ "type": "m.id.user", "user": "alice" }));
}

#[test]
fn an_address_becomes_an_identifier() {
    let body = json!({ "type": "m.login.password", "medium": "email", "address": "a@b", "password": "x" });

    let modern = value(login(body.to_string().into()).expect("it is possible"));

    assert_eq!(modern["identifier"]["type"], "m.id.thirdparty");
}

#[test]
fn empty_authentication_is_none() {
    let modern = value(auth(r#"{"auth":{},"erase":true}"#.into()).expect("it is possible"));

    assert_eq!(modern, json!({ "erase": true }));
}

#[test]
fn a_login_without_a_type_is_refused() {
    login(r#"{"password":"x"}"#.into()).expect_err("no type");
    login(r#"{"type":1}"#.into()).expect_err("no string");
}

#[test]
fn what_is_modern_or_no_json_stays_as_it_is() {
    for body in ["{", "[]", r#"{"auth": {"type": "m.login.dummy", "user": 1}}"#] {
        assert_eq!(auth(body.into()).expect("it is possible"), body);
    }
}
