//! Tests of what a pattern finds.

use super::contains;

#[test]
fn a_word_is_found_between_boundaries() {
    for text in ["cake", "a cake!", "(cake)", "piece-of-cake", "cupcake, cake", "ö cake ö"] {
        assert!(contains(text, "cake"), "{text}");
    }
    for text in ["", "cupcake", "cakes", "cake_", "c a k e", "cake1cake"] {
        assert!(!contains(text, "cake"), "{text}");
    }
}

#[test]
fn characters_beyond_ascii_are_boundaries() {
    assert!(contains("äcake", "cake"));
    assert!(contains("ich heiße so", "heiße"));
    assert!(contains("🎂cake🎂", "cake"));
}

#[test]
fn stars_and_question_marks_stand_for_others() {
    assert!(contains("an example event.", "ex*ple"));
    assert!(contains("exple", "ex*ple"));
    assert!(contains("an exciting triple-whammy", "ex*ple"));
    assert!(contains("the cake is a lie", "cake*lie"));
    assert!(contains("lunch plans", "lunc?"));
    assert!(contains("lunch plans", "*"));
    assert!(!contains("lunc", "lunc?"));
    assert!(!contains("examples", "ex*ple"));
    assert!(!contains("the cakes are lies", "cake*lie"));
}

#[test]
fn an_empty_pattern_finds_nothing() {
    assert!(!contains("anything", ""));
    assert!(!contains("", ""));
}

#[test]
fn long_texts_and_patterns_end() {
    let text = "ax ".repeat(21_000);

    assert!(!contains(&text, "x"));
    assert!(!contains(&text, &format!("{}b", "?".repeat(1000))));
    assert!(!contains(&text, &"*a".repeat(200)[1..].replace('a', "b")));
}
