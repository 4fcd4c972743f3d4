//! Words that nobody should use, in messages and names.

use wildmatch::WildMatch;

use crate::protections::{
    finding::Finding,
    settings::{Protection, WatchedWords},
    sight::{Said, Sight},
};

pub(super) fn said(sight: &Sight, said: &Said, settings: &WatchedWords) -> Option<Finding> {
    let pattern = said.texts.iter().find_map(|text| find(text, settings))?;
    let says = format!("{} wrote what matches the watched word ‘{pattern}’.", sight.sender);
    Some(finding(sight, says).shown_by([sight.event.clone()]))
}

pub(super) fn named(sight: &Sight, name: Option<&str>, settings: &WatchedWords) -> Option<Finding> {
    let pattern = [name.unwrap_or_default(), sight.sender.localpart()].iter().find_map(|name| find(name, settings))?;
    let says = format!("The name of {} matches the watched word ‘{pattern}’.", sight.sender);
    Some(finding(sight, says))
}

fn finding(sight: &Sight, says: String) -> Finding {
    let finding = Finding::new(Protection::WatchedWords, sight.event.as_str(), says);
    finding.in_room(&sight.room).about([sight.sender.clone()])
}

/// The first watched word in `text`.
fn find(text: &str, settings: &WatchedWords) -> Option<String> {
    let words: Vec<&str> = words(text).collect();
    let pattern = settings.words.iter().find(|pattern| has(&words, pattern))?;
    Some(pattern.pattern())
}

/// Whether words that follow one another match all words of `pattern`.
fn has(words: &[&str], pattern: &WildMatch) -> bool {
    let text = pattern.pattern();
    let count = text.split_whitespace().count().max(1);
    if count == 1 {
        return words.iter().any(|word| pattern.matches(word));
    }
    words.windows(count).any(|words| pattern.matches(&words.join(" ")))
}

/// The words of a text: what stands between white space, and the same without punctuation around it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || matches!(letter, '<' | '>'))
        .map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric()))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_found_wherever_they_stand() {
        let settings = WatchedWords {
            words: vec!["spam".to_owned(), "buy*now".to_owned(), "free money".to_owned()].into(),
            ..WatchedWords::default()
        };
        for (text, expected) in [
            ("SPAM!", Some("spam")),
            ("<b>spam</b>", Some("spam")),
            ("spammer", None),
            ("buycheapnow", Some("buy*now")),
            ("buy cheap now", None),
            ("get Free  Money, today", Some("free money")),
            ("free of money", None),
            ("", None),
        ] {
            assert_eq!(find(text, &settings).as_deref(), expected, "{text}");
        }
    }
}
