//! Patterns with `*` and `?`, and an index that finds those that match without trying them all. Pure.

use std::collections::HashMap;

/// A pattern for the whole of a text, in small letters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Glob(Box<str>);

impl Glob {
    /// Reads a pattern; capitals make no difference.
    pub fn new(pattern: &str) -> Self {
        Self(pattern.to_lowercase().into())
    }

    /// The pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for one text only.
    pub fn is_exact(&self) -> bool {
        !self.0.contains(['*', '?'])
    }

    /// How many letters are fixed: of two patterns the one with more is more specific.
    pub fn literals(&self) -> usize {
        self.0.bytes().filter(|letter| !matches!(letter, b'*' | b'?')).count()
    }

    /// Whether it matches all of `text`, which is in small letters.
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut at, mut in_text) = (0, 0);
        // Where the last star was, and what it stands for so far ends.
        let mut star: Option<(usize, usize)> = None;
        while in_text < text.len() {
            match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at, in_text));
                    at += 1;
                }
                Some(b'?') => {
                    at += 1;
                    in_text += letter_length(text[in_text]);
                }
                Some(letter) if *letter == text[in_text] => {
                    at += 1;
                    in_text += 1;
                }
                _ => {
                    let Some((star_at, end)) = star else { return false };
                    star = Some((star_at, end + 1));
                    (at, in_text) = (star_at + 1, end + 1);
                }
            }
        }
        pattern[at.min(pattern.len())..].iter().all(|rest| *rest == b'*')
    }

    fn prefix(&self) -> &str {
        self.0.split(['*', '?']).next().unwrap_or_default()
    }

    fn suffix(&self) -> &str {
        self.0.rsplit(['*', '?']).next().unwrap_or_default()
    }
}

/// Bytes of the letter that begins with `first`.
fn letter_length(first: u8) -> usize {
    match first {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0.. => 4,
        _ => 1,
    }
}

/// Patterns by their fixed beginning or, if that is longer, their fixed end.
#[derive(Clone, Debug)]
pub struct Globs<T> {
    exact: HashMap<Box<str>, Vec<T>>,
    prefixes: Affixes<T>,
    suffixes: Affixes<T>,
}

/// Patterns by an affix, and the lengths that affixes have, so that few look-ups find all.
#[derive(Clone, Debug)]
struct Affixes<T> {
    lengths: Vec<usize>,
    by_affix: HashMap<Box<str>, Vec<(Glob, T)>>,
}

impl<T> Default for Affixes<T> {
    fn default() -> Self {
        Self { lengths: Vec::new(), by_affix: HashMap::new() }
    }
}

impl<T> Affixes<T> {
    fn insert(&mut self, affix: &str, glob: Glob, value: T) {
        if let Err(at) = self.lengths.binary_search(&affix.len()) {
            self.lengths.insert(at, affix.len());
        }
        self.by_affix.entry(affix.into()).or_default().push((glob, value));
    }

    fn find<'a>(&'a self, text: &str, cut: impl Fn(&str, usize) -> Option<&str>, found: &mut impl FnMut(usize, &'a T)) {
        for length in &self.lengths {
            let Some(affix) = cut(text, *length) else { continue };
            for (glob, value) in self.by_affix.get(affix).into_iter().flatten() {
                if glob.matches(text) {
                    found(glob.literals(), value);
                }
            }
        }
    }
}

impl<T> Default for Globs<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), prefixes: Affixes::default(), suffixes: Affixes::default() }
    }
}

impl<T> Globs<T> {
    /// Adds a pattern with what it stands for.
    pub fn insert(&mut self, glob: &Glob, value: T) {
        if glob.is_exact() {
            self.exact.entry(glob.0.clone()).or_default().push(value);
        } else if glob.prefix().len() >= glob.suffix().len() {
            self.prefixes.insert(glob.prefix(), glob.clone(), value);
        } else {
            self.suffixes.insert(glob.suffix(), glob.clone(), value);
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefixes.lengths.is_empty() && self.suffixes.lengths.is_empty()
    }

    /// Tells of everything that matches `text`, which is in small letters, and how specific it is.
    pub fn find<'a>(&'a self, text: &str, mut found: impl FnMut(usize, &'a T)) {
        for value in self.exact.get(text).into_iter().flatten() {
            found(usize::MAX, value);
        }
        self.prefixes.find(text, |text, length| text.get(..length), &mut found);
        self.suffixes.find(text, |text, length| text.get(text.len().checked_sub(length)?..), &mut found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("@alice:here", "@alice:here", true),
            ("@Alice:here", "@alice:here", true),
            ("@alice:here", "@alice:here.org", false),
            ("@spam*:evil.org", "@spam42:evil.org", true),
            ("@spam*:evil.org", "@spam:evil.org", true),
            ("@spam*:evil.org", "@spam42:evil.org.uk", false),
            ("*evil*", "@x:evil.org", true),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "ab", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a?c", "aüc", true),
            ("*", "", true),
            ("?", "", false),
            ("**a", "bba", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn the_index_finds_what_trying_all_would_find() {
        let patterns = ["@a:x", "@a*", "*:x", "@a*:x", "*a*", "?a:x", "*", "@b:x", "@b*", "*:y", "@ü*:x"];
        let mut globs = Globs::default();
        for pattern in patterns {
            globs.insert(&Glob::new(pattern), pattern);
        }

        for text in ["@a:x", "@ab:x", "@b:y", "@ü:x", "", "x"] {
            let mut found = Vec::new();
            globs.find(text, |_, pattern| found.push(*pattern));
            found.sort_unstable();
            let mut expected: Vec<_> = patterns.into_iter().filter(|glob| Glob::new(glob).matches(text)).collect();
            expected.sort_unstable();
            assert_eq!(found, expected, "{text}");
        }
    }
}
