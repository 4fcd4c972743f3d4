//! Identifiers and secrets: random ones, and those that follow from what they are for.

use rand::Rng;
use sha2::{Digest, Sha256};

/// Letters and digits that are not taken for each other.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A random text of `length` letters and digits, five bits each.
pub fn random(length: usize) -> String {
    let mut rng = rand::rng();
    (0..length).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect()
}

/// A text of `length` letters and digits (at most 51) that always follows from the same `parts`.
pub fn derived(length: usize, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let bytes = hash.finalize();
    let bit = |index: usize| bytes[index / 8] >> (7 - index % 8) & 1;
    let letter = |at: usize| (0..5).fold(0, |value, offset| value << 1 | usize::from(bit(at * 5 + offset)));
    (0..length.min(51)).map(|at| char::from(ALPHABET[letter(at)])).collect()
}

/// What is stored of a secret: its hash.
pub fn fingerprint(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_the_same_is_the_same() {
        assert_eq!(derived(8, &["a", "bc"]), derived(8, &["a", "bc"]));
        assert_ne!(derived(8, &["a", "bc"]), derived(8, &["ab", "c"]));
        assert_eq!(derived(51, &["x"]).len(), 51);
        assert_ne!(random(20), random(20));
    }
}
