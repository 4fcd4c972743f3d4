//! Proof that who brings a code is who asked for it. RFC 7636; `S256` is the only method here.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The challenge in a request, if it is one.
pub(super) fn challenge(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// Whether `verifier` is formed as it should be.
pub(super) fn is_verifier(verifier: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&verifier.len()) && verifier.bytes().all(is_unreserved)
}

/// Whether `verifier` is what `challenge` was made from.
pub(super) fn is_proved(challenge: &[u8; 32], verifier: &str) -> bool {
    bool::from(Sha256::digest(verifier.as_bytes()).as_slice().ct_eq(challenge))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_is_proved() {
        let challenge = challenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").expect("it is a challenge");

        assert!(is_proved(&challenge, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert!(!is_proved(&challenge, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"));
    }

    #[test]
    fn what_is_formed_wrongly_is_no_challenge_and_no_verifier() {
        for text in
            ["", "short", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"]
        {
            assert_eq!(challenge(text), None, "{text}");
        }
        assert!(is_verifier(&"a".repeat(43)) && is_verifier(&"~".repeat(128)));
        for text in [&"a".repeat(42), &"a".repeat(129), &format!("{}!", "a".repeat(43)), &"é".repeat(43)] {
            assert!(!is_verifier(text), "{text}");
        }
    }
}
