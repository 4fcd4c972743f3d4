//! Brings request bodies of older clients into the form that ruma reads.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::{Error, Result};

#[cfg(test)]
mod tests;

/// Client authentication data that name their user the old way, or are empty.
///
/// Until r0.4.0, `m.login.password` had `user`, or `medium` and `address`, in place of `identifier`;
/// clients still send them.
pub fn auth(body: Bytes) -> Result<Bytes> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(&body) else { return Ok(body) };
    let is_changed = match members.get_mut("auth") {
        Some(Value::Object(auth)) if auth.is_empty() => members.remove("auth").is_some(),
        Some(Value::Object(auth)) => identify(auth),
        _ => false,
    };
    Ok(if is_changed { Value::Object(members).to_string().into() } else { body })
}

/// Login requests, in the same way. They also must have a type: ruma takes that for granted.
pub fn login(body: Bytes) -> Result<Bytes> {
    let mut members = match serde_json::from_slice(&body) {
        Ok(Value::Object(members)) => members,
        _ if body.is_empty() => Map::new(),
        _ => return Ok(body),
    };
    if !members.get("type").is_some_and(Value::is_string) {
        return Err(Error::bad_json("The member `type` is missing or not a string."));
    }
    let is_changed = identify(&mut members);
    Ok(if is_changed { Value::Object(members).to_string().into() } else { body })
}

/// Adds the identifier that `members` describe; returns whether there was one to add.
fn identify(members: &mut Map<String, Value>) -> bool {
    if members.get("type") != Some(&json!("m.login.password")) {
        return false;
    }
    match members.get_mut("identifier") {
        // The specification's own example of an e-mail address leaves out the type.
        Some(Value::Object(identifier)) if !identifier.contains_key("type") && identifier.contains_key("medium") => {
            identifier.insert("type".to_owned(), json!("m.id.thirdparty"));
            return true;
        }
        Some(_) => return false,
        None => {}
    }
    let identifier = match (members.get("user"), members.get("medium"), members.get("address")) {
        (Some(user), ..) => json!({ "type": "m.id.user", "user": user }),
        (None, Some(medium), Some(address)) => {
            json!({ "type": "m.id.thirdparty", "medium": medium, "address": address })
        }
        _ => return false,
    };
    members.insert("identifier".to_owned(), identifier);
    true
}
