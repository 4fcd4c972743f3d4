//! Texts are cut into the words that people look for.

use super::*;

fn list(text: &str) -> Vec<String> {
    words(text).into_iter().collect()
}

#[test]
fn words_are_what_stands_between_other_signs() {
    assert_eq!(list("Alice O'Cooper, 2nd"), ["2nd", "alice", "cooper", "o"]);
    assert_eq!(list("user-1_alice.b"), ["1", "alice", "b", "user"]);
    assert_eq!(list("Åse ÉMILE 山田"), ["åse", "émile", "山田"]);
    assert_eq!(list(" !? 🤨 "), Vec::<String>::new());
}

#[test]
fn a_long_word_is_cut() {
    assert_eq!(list(&"ä".repeat(100)), ["ä".repeat(64)]);
}
