//! Which words are found, and how much they weigh.

use super::{LONGEST, asked, weigh};

#[test]
fn words_are_what_stands_between_other_characters() {
    assert_eq!(asked("Hello, world! It's 4 o'clock"), ["hello", "world", "it", "s", "4", "o", "clock"]);
    assert_eq!(asked("snake_case and-dashes"), ["snake", "case", "and", "dashes"]);
    assert!(asked(" ,.!? 👍").is_empty());
}

#[test]
fn words_are_asked_for_once() {
    assert_eq!(asked("again and Again"), ["again", "and"]);
}

#[test]
fn accents_that_stand_by_themselves_do_not_cut_a_word() {
    assert_eq!(asked("cafe\u{301}s"), ["cafes"]);
    assert_eq!(asked("Ärger"), ["ärger"]);
}

#[test]
fn texts_without_spaces_are_found_by_their_parts() {
    let text = weigh("東京都に住む");

    for term in ["東", "東京", "京都", "に住む"] {
        for word in asked(term) {
            assert!(text.contains_key(&word), "{word} of {term}");
        }
    }
    assert!(!text.contains_key(&asked("東都")[0]));
    assert_eq!(asked("Tokyo東京"), ["tokyo", "東京"]);
}

#[test]
fn the_weight_of_a_word_is_its_share_of_the_text() {
    let text = weigh("one two two three");

    assert_eq!(text["one"], 250);
    assert_eq!(text["two"], 500);
    assert_eq!(weigh(&"word ".repeat(5000))["word"], 1000);
}

#[test]
fn long_words_are_known_by_their_beginning() {
    let long = "x".repeat(500);

    let word = &asked(&long)[0];

    assert_eq!(word.chars().count(), LONGEST);
    assert!(weigh(&long).contains_key(word));
}
