//! Cuts texts into words. Pure.

use std::collections::BTreeMap;

/// The longest word, in characters; what is longer is known by its beginning.
const LONGEST: usize = 64;
/// Different words of one text that are kept, at most.
const WORDS: usize = 500;
/// All words of a text together have so much weight.
const WHOLE: usize = 1000;

/// The words of a text with their weights: their shares of all words, in thousandths, at least one.
pub(super) fn weigh(text: &str) -> BTreeMap<String, i16> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut total = 0;
    for word in words(text) {
        total += 1;
        if counts.len() < WORDS || counts.contains_key(&word) {
            *counts.entry(word).or_default() += 1;
        }
    }
    let weight = |count: usize| i16::try_from((count * WHOLE / total.max(1)).max(1)).unwrap_or(i16::MAX);
    counts.into_iter().map(|(word, count)| (word, weight(count))).collect()
}

/// The words that a search term consists of, each once, in their order.
pub(super) fn asked(term: &str) -> Vec<String> {
    let mut asked: Vec<String> = Vec::new();
    for run in runs(term) {
        // A pair of characters stands for both where a script has no spaces.
        let words = if run.is_spaced || run.text.chars().count() == 1 { vec![run.text] } else { pairs(&run.text) };
        for word in words {
            if !asked.contains(&word) {
                asked.push(word);
            }
        }
    }
    asked
}

/// All words of a text in their order. Scripts without spaces are cut into single characters and
/// overlapping pairs.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for run in runs(text) {
        if run.is_spaced {
            words.push(run.text);
        } else {
            words.extend(run.text.chars().map(String::from));
            words.extend(pairs(&run.text));
        }
    }
    words
}

fn pairs(text: &str) -> Vec<String> {
    let next = text.chars().skip(1);
    text.chars().zip(next).map(|(one, other)| [one, other].iter().collect()).collect()
}

/// Characters that belong together.
struct Run {
    text: String,
    is_spaced: bool,
}

fn runs(text: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut run = Run { text: String::new(), is_spaced: true };
    let mut length = 0;
    for character in text.chars() {
        if is_mark(character) {
            // Accents that stand by themselves, and other marks, make no difference.
            continue;
        }
        let is_spaced = !is_unspaced(character);
        if !character.is_alphanumeric() || is_spaced != run.is_spaced {
            if !run.text.is_empty() {
                runs.push(std::mem::replace(&mut run, Run { text: String::new(), is_spaced }));
            }
            run.is_spaced = is_spaced;
            length = 0;
        }
        if character.is_alphanumeric() && (!is_spaced || length < LONGEST) {
            run.text.extend(character.to_lowercase().take(1));
            length += 1;
        }
    }
    if !run.text.is_empty() {
        runs.push(run);
    }
    runs
}

/// Combining marks, soft hyphens and joiners.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// Whether a script writes its words without spaces: Thai, Lao, Burmese, Khmer, kana and Chinese
/// characters.
fn is_unspaced(character: char) -> bool {
    matches!(
        character,
        '\u{e00}'..='\u{eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{3040}'..='\u{30ff}'
            | '\u{31f0}'..='\u{31ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{323af}'
    )
}

#[cfg(test)]
mod tests;
