//! Tests of credentials for the relay.

use ruma::user_id;

use super::*;

#[test]
fn credentials_are_signed_with_the_shared_secret() {
    let config = Voip {
        turn_uris: vec!["turn:turn.here.test".to_owned()],
        turn_shared_secret: Some("logen".to_owned().into()),
        turn_lifetime_s: 100,
    };

    let credentials = credentials(&config, user_id!("@alice:here.test"), 5_000);

    assert_eq!(credentials["username"], "105:@alice:here.test");
    assert_eq!(credentials["password"], "zdF560N3O5ia3uXKvsf3IBrhifg=");
    assert_eq!(credentials["ttl"], 100);
}

#[test]
fn there_are_none_without_a_relay() {
    assert_eq!(credentials(&Voip::default(), user_id!("@alice:here.test"), 0), json!({}));
}
