//! Changes of settings by people: an option by its name, and its new value as they write it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::settings::{Protection, Protections};
use crate::{Error, Result, time};

/// Changed options of all protections: `flood.within_s` and the new value.
pub type Changes = BTreeMap<String, Value>;

impl Protections {
    /// These settings with `changes`. What does not fit any more (an older program wrote it) is left out.
    pub fn changed(&self, changes: &Changes) -> Self {
        let mut settings = self.clone();
        for (path, value) in changes {
            if let Ok(changed) = settings.with(path, value.clone()) {
                settings = changed;
            }
        }
        settings
    }

    /// Every option of one protection by its name, in alphabetical order.
    pub fn options(&self, protection: Protection) -> Vec<(String, Value)> {
        let whole = serde_json::to_value(self).unwrap_or_default();
        let mut options = Vec::new();
        for (name, value) in whole[protection.name()].as_object().into_iter().flatten() {
            match value {
                Value::Object(members) => {
                    options.extend(members.iter().map(|(member, value)| (format!("{name}.{member}"), value.clone())));
                }
                _ => options.push((name.clone(), value.clone())),
            }
        }
        options
    }

    /// Reads the new value of an option: its path, and what to put there.
    pub fn read(&self, protection: Protection, option: &str, text: &str) -> Result<(String, Value)> {
        let option = option.replace('-', "_");
        let options = self.options(protection);
        let Some((name, present)) = options.iter().find(|(name, _)| *name == option) else {
            let names: Vec<&str> = options.iter().map(|(name, _)| &**name).collect();
            let message = format!("{protection} has no option {option}. It has: {}.", names.join(", "));
            return Err(Error::invalid(message));
        };
        let path = format!("{protection}.{name}");
        let value = value(name, present, text)?;
        self.with(&path, value.clone())?;
        Ok((path, value))
    }

    /// These settings with another value of one option.
    fn with(&self, path: &str, value: Value) -> Result<Self> {
        let wrong = || Error::invalid(format!("{path} cannot have this value."));
        let mut whole = serde_json::to_value(self).map_err(|_| wrong())?;
        let place = whole.pointer_mut(&format!("/{}", path.replace('.', "/"))).ok_or_else(wrong)?;
        *place = value;
        let settings: Self = serde_json::from_value(whole).map_err(|_| wrong())?;
        settings.check().map_err(|(option, why)| Error::invalid(format!("{option} {why}.")))?;
        Ok(settings)
    }
}

/// What `text` means for an option that is `present` now.
fn value(name: &str, present: &Value, text: &str) -> Result<Value> {
    let text = text.trim();
    match present {
        Value::Bool(_) => match text {
            "true" | "on" | "yes" => Ok(true.into()),
            "false" | "off" | "no" => Ok(false.into()),
            _ => Err(Error::invalid(format!("{name} is on or off."))),
        },
        Value::Number(_) => {
            let number = text.parse::<i64>().ok();
            let length = || time::parse(text).ok().map(|ms| ms / 1000).filter(|_| name.ends_with("_s"));
            let number = number.or_else(length).ok_or_else(|| {
                let kind = if name.ends_with("_s") { "a length of time, such as 90s or 1h" } else { "a number" };
                Error::invalid(format!("{name} is {kind}."))
            })?;
            Ok(number.into())
        }
        Value::Array(items) => Ok(list(items, text)),
        _ => Ok(text.into()),
    }
}

/// A list with `text`: `+item` adds, `-item` takes away, anything else is the whole list, separated by
/// commas.
fn list(items: &[Value], text: &str) -> Value {
    let given = |text: &str| {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(Value::from).collect::<Vec<_>>()
    };
    let items: Vec<Value> = if let Some(added) = text.strip_prefix('+') {
        let added = given(added);
        items.iter().filter(|item| !added.contains(item)).chain(&added).cloned().collect()
    } else if let Some(removed) = text.strip_prefix('-') {
        let removed = given(removed);
        items.iter().filter(|item| !removed.contains(item)).cloned().collect()
    } else {
        given(text)
    };
    items.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(protection: Protection, option: &str, text: &str) -> Result<Value, String> {
        let read = Protections::default().read(protection, option, text);
        read.map(|(_, value)| value).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_read_as_people_write_them() {
        for (protection, option, text, expected) in [
            (Protection::Flood, "events", "5", json!(5)),
            (Protection::Flood, "within-s", "2m", json!(120)),
            (Protection::Flood, "redact", "off", json!(false)),
            (Protection::Flood, "exempt.power", "-1", json!(-1)),
            (Protection::Flood, "mode", "act", json!("act")),
            (Protection::WatchedWords, "words", "spam, free money", json!(["spam", "free money"])),
            (Protection::WatchedWords, "words", "+spam", json!(["spam"])),
            (Protection::WatchedWords, "words", "-spam", json!([])),
        ] {
            assert_eq!(read(protection, option, text), Ok(expected), "{option} {text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_sentence() {
        for (protection, option, text, expected) in [
            (Protection::Flood, "event", "5", "flood has no option event"),
            (Protection::Flood, "events", "many", "events is a number"),
            (Protection::Flood, "events", "-5", "cannot have this value"),
            (Protection::Flood, "within_s", "x", "a length of time"),
            (Protection::Flood, "within_s", "0", "above 0"),
            (Protection::Flood, "redact", "maybe", "on or off"),
            (Protection::Flood, "mode", "kill", "cannot have this value"),
            (Protection::BanEvasion, "mode", "act", "is off, log or ask"),
        ] {
            let refusal = read(protection, option, text).expect_err("it is refused");
            assert!(refusal.contains(expected), "{refusal}");
        }
    }

    #[test]
    fn changes_are_made_to_what_is_configured() {
        let changes = Changes::from([
            ("flood.events".to_owned(), json!(3)),
            ("flood.exempt.users".to_owned(), json!(["@bot:*"])),
            ("flood.gone".to_owned(), json!(1)),
        ]);

        let settings = Protections::default().changed(&changes);

        assert_eq!(settings.flood.events, 3);
        assert!(settings.flood.exempt.users.match_any("@bot:here.test"));
        assert_eq!(settings.flood.within_s, 60);
    }
}
