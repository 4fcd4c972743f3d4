//! Finds patterns in what people say. Client-server API, "Push Rules", on content-specific rules and
//! `event_match` of `content.body`.
//!
//! ruma can do this too, but compiles a regular expression each time, which fails for long patterns,
//! and calls itself for each word of a text, however long it is.

#[cfg(test)]
mod tests;

/// Characters of a text that are compared with a pattern that has wildcards. Beyond them, nobody's
/// patterns shall keep the server busy.
const LOOKED_AT: usize = 4096;

/// Whether `pattern`, in which `*` stands for any characters and `?` for one, matches a part of
/// `text` that begins and ends at word boundaries. Both must be in lower case.
pub fn contains(text: &str, pattern: &str) -> bool {
    if pattern.is_empty() {
        return false;
    }
    if pattern.contains(['*', '?']) { contains_glob(text, pattern) } else { contains_literal(text, pattern) }
}

fn contains_literal(text: &str, literal: &str) -> bool {
    let mut from = 0;
    while let Some(found) = text[from..].find(literal) {
        let start = from + found;
        if is_boundary(text, start) && is_boundary(text, start + literal.len()) {
            return true;
        }
        from = start + text[start..].chars().next().map_or(1, char::len_utf8);
    }
    false
}

/// Keeps track of all places in the pattern that could have been reached, character by character, so
/// that the time depends on the lengths only.
fn contains_glob(text: &str, pattern: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let mut reached = vec![false; pattern.len() + 1];
    let mut next = reached.clone();
    let end = text.char_indices().nth(LOOKED_AT).map_or(text.len(), |(at, _)| at);
    let text = &text[..end];
    let mut chars = text.char_indices();
    loop {
        let at = chars.offset();
        if is_boundary(text, at) {
            reached[0] = true;
        }
        for (place, symbol) in pattern.iter().enumerate() {
            // A star may stand for nothing.
            reached[place + 1] |= reached[place] && *symbol == '*';
        }
        if reached[pattern.len()] && is_boundary(text, at) {
            return true;
        }
        let Some((_, char)) = chars.next() else { return false };
        next.fill(false);
        for (place, symbol) in pattern.iter().enumerate().filter(|(place, _)| reached[*place]) {
            match symbol {
                '*' => next[place] = true,
                '?' => next[place + 1] = true,
                symbol => next[place + 1] |= *symbol == char,
            }
        }
        std::mem::swap(&mut reached, &mut next);
    }
}

/// Whether a word could begin or end before the character at `at`: at the ends of the text, and
/// beside any character that is no part of words.
fn is_boundary(text: &str, at: usize) -> bool {
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let before = text[..at].chars().next_back();
    let after = text[at..].chars().next();
    !before.is_some_and(is_part) || !after.is_some_and(is_part)
}
