//! Credentials for the relay that calls go through where two clients cannot reach each other.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use ruma::UserId;
use serde_json::{Value, json};
use sha1::Sha1;

use crate::config::Voip;

#[cfg(test)]
mod tests;

/// What `user_id` needs to use the relay until some time after `now_ms`: an empty object where there
/// is none.
///
/// The name says until when it is good, and the password is the HMAC-SHA-1 of the name under a
/// secret shared with the relay ("A REST API For Access To TURN Services", draft-uberti-behave).
pub fn credentials(config: &Voip, user_id: &UserId, now_ms: i64) -> Value {
    let Some(secret) = &config.turn_shared_secret else { return json!({}) };
    if config.turn_uris.is_empty() {
        return json!({});
    }
    let lifetime_s = i64::try_from(config.turn_lifetime_s).unwrap_or(i64::MAX);
    let username = format!("{}:{user_id}", (now_ms / 1000).saturating_add(lifetime_s));
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(username.as_bytes());
    json!({
        "username": username,
        "password": STANDARD.encode(mac.finalize().into_bytes()),
        "uris": config.turn_uris,
        "ttl": config.turn_lifetime_s,
    })
}
