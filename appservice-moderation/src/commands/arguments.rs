//! What follows a command: targets, words and options, from a line that somebody wrote or from JSON.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Target;
use crate::{Error, Result, time};

/// Options that take a value, which goes on until the next option.
const VALUED: [&str; 12] =
    ["for", "reason", "room", "feature", "scope", "case", "label", "role", "last", "since", "effect", "effects"];
/// Options that take none.
const FLAGS: [&str; 4] = ["yes", "dry-run", "permanent", "publish"];

/// What follows a command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    /// On whom or what it is.
    pub targets: Vec<Target>,
    /// Other words.
    pub words: Vec<String>,
    options: BTreeMap<String, String>,
}

/// The words of a line; what stands in quotes is one.
pub(super) fn words(text: &str) -> Result<Vec<String>> {
    let (mut words, mut word, mut quote, mut is_word) = (Vec::new(), String::new(), None, false);
    for letter in text.chars() {
        match (letter, quote) {
            ('"' | '“' | '”', None) => (quote, is_word) = (Some(letter), true),
            ('"' | '“' | '”', Some(_)) => quote = None,
            (letter, None) if letter.is_whitespace() => {
                if std::mem::take(&mut is_word) {
                    words.push(std::mem::take(&mut word));
                }
            }
            (letter, _) => {
                word.push(letter);
                is_word = true;
            }
        }
    }
    if quote.is_some() {
        return Err(Error::invalid("A quotation mark is missing."));
    }
    if is_word {
        words.push(word);
    }
    Ok(words)
}

impl Arguments {
    /// Understands the words after a command.
    pub fn parse(words: &[String]) -> Result<Self> {
        let mut found = Self::default();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            // Programs that write for people make one long dash of two short ones.
            let Some(name) = word.strip_prefix("--").or_else(|| word.strip_prefix('—')) else {
                found.add(word)?;
                continue;
            };
            let (name, mut value) = match name.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => (name, String::new()),
            };
            while let Some(more) = words.next_if(|next| VALUED.contains(&name) && !is_option(next)) {
                // Only a reason has several words.
                if !value.is_empty() {
                    value.push(' ');
                }
                value.push_str(more);
                if name != "reason" {
                    break;
                }
            }
            found.set(name, value)?;
        }
        Ok(found)
    }

    /// Understands what a program asks for: `targets` and `words` as lists, all else as options.
    pub fn read(body: &Value) -> Result<Self> {
        let mut found = Self::default();
        let Some(members) = body.as_object() else { return Err(Error::invalid("The body is not a JSON object.")) };
        for (name, value) in members {
            let texts = || value.as_array().into_iter().flatten().map(|text| text.as_str());
            let wrong = || Error::invalid(format!("`{name}` is not what is expected."));
            match (name.as_str(), value) {
                ("targets" | "words", Value::Array(_)) => {
                    for text in texts() {
                        found.add(text.ok_or_else(wrong)?)?;
                    }
                }
                (name, Value::Bool(true)) if FLAGS.contains(&dashed(name).as_str()) => {
                    found.set(&dashed(name), String::new())?;
                }
                (_, Value::Bool(false) | Value::Null) => {}
                (name, Value::Number(number)) => found.set(&dashed(name), number.to_string())?,
                (name, Value::String(text)) => found.set(&dashed(name), text.clone())?,
                _ => return Err(wrong()),
            }
        }
        Ok(found)
    }

    fn add(&mut self, word: &str) -> Result<()> {
        match Target::parse(word)? {
            Some(target) => self.targets.push(target),
            None => self.words.push(word.to_owned()),
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: String) -> Result<()> {
        let name = name.to_lowercase();
        if !VALUED.contains(&name.as_str()) && !FLAGS.contains(&name.as_str()) {
            return Err(Error::invalid(format!("There is no option `--{name}`.")));
        }
        if VALUED.contains(&name.as_str()) && value.trim().is_empty() {
            return Err(Error::invalid(format!("`--{name}` needs a value.")));
        }
        if name == "for" {
            time::parse(&value)?;
        }
        self.options.insert(name, value.trim().to_owned());
        Ok(())
    }

    /// A word by its place.
    pub fn word(&self, index: usize) -> Option<&str> {
        self.words.get(index).map(String::as_str)
    }

    /// The value of an option.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// Whether a flag is there.
    pub fn is_set(&self, name: &str) -> bool {
        self.options.contains_key(name)
    }

    /// Whether it is only to be told what would be done.
    pub fn is_rehearsal(&self) -> bool {
        self.is_set("dry-run")
    }

    /// Refuses to try out what is done at once and harms nobody.
    pub(super) fn no_rehearsal(&self) -> Result<()> {
        if self.is_rehearsal() {
            return Err(Error::invalid("This is done at once or not at all: there is no `--dry-run` of it."));
        }
        Ok(())
    }

    /// For how long, in milliseconds.
    pub fn for_ms(&self) -> Option<i64> {
        self.option("for").and_then(|text| time::parse(text).ok())
    }

    /// Why.
    pub fn reason(&self) -> Option<String> {
        self.option("reason").map(ToOwned::to_owned)
    }

    /// A number in an option.
    pub fn number(&self, name: &str) -> Result<Option<u32>> {
        let number = self.option(name).map(str::parse).transpose();
        number.map_err(|_| Error::invalid(format!("`--{name}` needs a number.")))
    }
}

fn is_option(word: &str) -> bool {
    word.starts_with("--") || word.starts_with('—')
}

fn dashed(name: &str) -> String {
    name.replace('_', "-")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Arguments, words};

    fn parse(text: &str) -> Arguments {
        Arguments::parse(&words(text).expect("words")).expect("it is understood")
    }

    #[test]
    fn a_line_and_json_mean_the_same() {
        let written = parse("ip:203.0.113.0/24 --for 7d --reason raid of  today --room #a:b.c --yes");
        let asked = json!({
            "targets": ["ip:203.0.113.0/24"],
            "for": "7d", "reason": "raid of today", "room": "#a:b.c", "yes": true, "dry_run": false,
        });

        assert_eq!(written, Arguments::read(&asked).expect("it is understood"));
        assert_eq!(written.for_ms(), Some(604_800_000));
        assert_eq!(written.reason().as_deref(), Some("raid of today"));
        assert!(written.is_set("yes") && !written.is_set("dry-run"));
    }

    #[test]
    fn options_end_where_words_begin() {
        let arguments = parse(r#"warn --for 1h "two words" @a:b.c —reason=so it is"#);

        assert_eq!(arguments.words, ["warn", "two words"]);
        assert_eq!(arguments.targets.len(), 1);
        assert_eq!(arguments.reason().as_deref(), Some("so it is"));
    }

    #[test]
    fn mistakes_are_told() {
        for (text, expected) in [
            ("--fore 7d", "There is no option `--fore`."),
            ("--for", "`--for` needs a value."),
            ("--for soon", "is not a length of time"),
            ("--reason", "`--reason` needs a value."),
        ] {
            let refusal = Arguments::parse(&words(text).expect("words")).expect_err("it is wrong").to_string();
            assert!(refusal.contains(expected), "{refusal}");
        }
        assert!(words("\"open").is_err());
        assert!(Arguments::read(&json!([])).is_err() && Arguments::read(&json!({ "targets": [1] })).is_err());
    }
}
