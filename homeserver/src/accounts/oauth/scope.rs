//! What an application may do, and as which device. Client-server API, "Scope".

use ruma::OwnedDeviceId;

/// All that a user may do, in its present and its former spelling (MSC2967).
const API: [&str; 2] = ["urn:matrix:client:api:*", "urn:matrix:org.matrix.msc2967.client:api:*"];
/// The device, in the same spellings.
const DEVICE: [&str; 2] = ["urn:matrix:client:device:", "urn:matrix:org.matrix.msc2967.client:device:"];
/// Fewest characters of a device ID that an application chooses: others must not hit upon it.
const SHORTEST_ID: usize = 8;
/// Most characters.
const LONGEST_ID: usize = 255;

/// A scope that can be granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// The device of the session.
    pub(super) device_id: OwnedDeviceId,
    /// What is granted, in the application's spelling, without what is not known here.
    pub(super) granted: String,
}

impl Scope {
    /// Reads what an application asks for; says what is wrong with it otherwise.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut granted: Vec<&str> = Vec::new();
        let mut device_id = None;
        for token in text.split(' ').filter(|token| !token.is_empty()) {
            let device = DEVICE.iter().find_map(|prefix| token.strip_prefix(prefix));
            if let Some(device) = device {
                // The same device in both spellings is one device.
                if device_id.is_some_and(|known| known != device) {
                    return Err("There must be exactly one device in the scope.");
                }
                device_id = Some(device);
            } else if !API.contains(&token) {
                continue;
            }
            if !granted.contains(&token) {
                granted.push(token);
            }
        }
        if !granted.iter().any(|token| API.contains(token)) {
            return Err("The scope must have urn:matrix:client:api:*.");
        }
        let device_id = device_id.ok_or("There must be exactly one device in the scope.")?;
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !(SHORTEST_ID..=LONGEST_ID).contains(&device_id.len()) || !device_id.bytes().all(is_unreserved) {
            return Err("A device ID has 8 to 255 letters, digits and - . _ ~.");
        }
        Ok(Self { device_id: device_id.into(), granted: granted.join(" ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_granted_in_the_spelling_that_was_asked_for() {
        for (text, granted) in [
            (
                "urn:matrix:client:api:* urn:matrix:client:device:AAABBBCCCD",
                "urn:matrix:client:api:* urn:matrix:client:device:AAABBBCCCD",
            ),
            (
                "openid  urn:matrix:org.matrix.msc2967.client:device:AAABBBCCCD email \
                 urn:matrix:org.matrix.msc2967.client:api:*",
                "urn:matrix:org.matrix.msc2967.client:device:AAABBBCCCD urn:matrix:org.matrix.msc2967.client:api:*",
            ),
        ] {
            let scope = Scope::parse(text).expect("it can be granted");
            assert_eq!((scope.device_id.as_str(), scope.granted.as_str()), ("AAABBBCCCD", granted));
        }
    }

    #[test]
    fn other_scopes_are_refused() {
        for text in [
            "",
            "openid",
            "urn:matrix:client:api:*",
            "urn:matrix:client:device:AAABBBCCCD",
            "urn:matrix:client:api:* urn:matrix:client:device:",
            "urn:matrix:client:api:* urn:matrix:client:device:SHORT",
            "urn:matrix:client:api:* urn:matrix:client:device:AAABBBCCCD urn:matrix:client:device:EEEFFFGGGH",
            "urn:matrix:client:api:* urn:matrix:client:device:AAABBB/CCD",
            "urn:matrix:client:api:* urn:matrix:client:device:ÄÄÄÄÄÄÄÄÄÄ",
            "urn:matrix:client:api:read urn:matrix:client:device:AAABBBCCCD",
        ] {
            assert!(Scope::parse(text).is_err(), "{text}");
        }
    }
}
