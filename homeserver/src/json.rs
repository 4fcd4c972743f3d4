//! Writes JSON objects by splicing pieces that are JSON already. Nothing is parsed or checked.

use std::fmt::{Display, Write};

/// Writes the members of one object; the braces are written around it.
#[derive(Debug)]
pub struct Object<'a> {
    out: &'a mut String,
    start: usize,
}

/// A whole object as text, its members written by `members`.
pub fn object(members: impl FnOnce(&mut Object<'_>)) -> String {
    let mut out = String::with_capacity(512);
    write_object(&mut out, members);
    out
}

/// Appends an object to `out`.
pub fn write_object(out: &mut String, members: impl FnOnce(&mut Object<'_>)) {
    out.push('{');
    let start = out.len();
    members(&mut Object { out, start });
    out.push('}');
}

/// Appends an array to `out`, each item written by `write`.
pub fn write_array<T>(out: &mut String, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut String, T)) {
    out.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

/// `text` as a JSON string.
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string is always JSON")
}

impl Object<'_> {
    fn key(&mut self, key: &str) -> &mut String {
        if self.out.len() > self.start {
            self.out.push(',');
        }
        self.out.push_str(&quoted(key));
        self.out.push(':');
        self.out
    }

    /// A member whose value is JSON.
    pub fn raw(&mut self, key: &str, json: &str) {
        self.key(key).push_str(json);
    }

    /// A member whose value is text.
    pub fn text(&mut self, key: &str, text: &str) {
        let value = quoted(text);
        self.key(key).push_str(&value);
    }

    /// A member whose value is text, or `null`.
    pub fn text_or_null(&mut self, key: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(key, text),
            None => self.raw(key, "null"),
        }
    }

    /// A member whose value is a number or a boolean.
    pub fn plain(&mut self, key: &str, value: impl Display) {
        write!(self.key(key), "{value}").expect("writing to a string cannot fail");
    }

    /// A member whose value is an object.
    pub fn object(&mut self, key: &str, members: impl FnOnce(&mut Object<'_>)) {
        write_object(self.key(key), members);
    }

    /// A member whose value is an array.
    pub fn array<T>(&mut self, key: &str, items: impl IntoIterator<Item = T>, write: impl FnMut(&mut String, T)) {
        write_array(self.key(key), items, write);
    }

    /// Whether no member was written.
    pub fn is_empty(&self) -> bool {
        self.out.len() == self.start
    }
}
