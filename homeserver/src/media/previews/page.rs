//! Reads what the head of a page says about it. Not a parser of HTML: it looks for `<meta>` and `<title>`,
//! and takes whatever comes.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::BTreeMap};

use encoding_rs::Encoding;

/// Properties that are kept of one page, and the longest value, in characters.
const PROPERTIES: usize = 64;
const LONGEST: usize = 1_000;
/// Elements whose content is not markup.
const OPAQUE: [&str; 4] = ["script", "style", "noscript", "template"];
/// The references to characters that pages use most. HTML, "Named character references".
const NAMED: [(&str, &str); 16] = [
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", " "),
    ("hellip", "…"),
    ("ndash", "–"),
    ("mdash", "—"),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("laquo", "«"),
    ("raquo", "»"),
    ("middot", "·"),
];

/// Whether `content_type` is that of a page.
pub(super) fn is_page(content_type: &str) -> bool {
    let name = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    name == "text/html" || name == "application/xhtml+xml"
}

/// The text of a page, in the encoding that it is said to have.
pub(super) fn decode<'a>(body: &'a [u8], content_type: &str) -> Cow<'a, str> {
    let named = |text: &str| Encoding::for_label(charset(text)?.as_bytes());
    // HTML, "Determining the character encoding": the page itself says it in its first 1024 bytes.
    let beginning = String::from_utf8_lossy(&body[..body.len().min(1024)]);
    let encoding = named(content_type).or_else(|| named(&beginning)).unwrap_or(encoding_rs::UTF_8);
    encoding.decode(body).0
}

fn charset(text: &str) -> Option<&str> {
    let start = text.to_ascii_lowercase().find("charset=")? + "charset=".len();
    let label = text[start..].trim_start_matches(['"', '\'']);
    label.split(|next: char| !next.is_ascii_alphanumeric() && !"-_:.".contains(next)).next()
}

/// The properties `og:…` of a page. Where it has no title or no description there, those that it has for
/// everybody.
pub(super) fn describe(page: &str) -> BTreeMap<String, String> {
    let (mut properties, mut title, mut description) = (BTreeMap::new(), None, None);
    let mut rest = page;
    while let Some(tag) = next_tag(&mut rest) {
        match tag.name.as_str() {
            "meta" => {
                let Some(content) = tag.attribute("content") else { continue };
                let name = tag.attribute("property").or_else(|| tag.attribute("name")).unwrap_or_default();
                let name = name.to_ascii_lowercase();
                if name.starts_with("og:") && properties.len() < PROPERTIES {
                    properties.entry(name).or_insert_with(|| text(content));
                } else if name == "description" && description.is_none() {
                    description = Some(text(content));
                }
            }
            "title" if title.is_none() => title = Some(text(until_end(&mut rest, "title"))),
            name if OPAQUE.contains(&name) => {
                until_end(&mut rest, &tag.name);
            }
            _ => {}
        }
    }
    for (name, own) in [("og:title", title), ("og:description", description)] {
        if let Some(own) = own.filter(|own| !own.is_empty()) {
            properties.entry(name.to_owned()).or_insert(own);
        }
    }
    properties.retain(|_, value| !value.is_empty());
    properties
}

/// The beginning of an element.
struct Tag<'a> {
    /// In lower case.
    name: String,
    attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> Tag<'a> {
    fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// Takes everything up to the end of the next tag that begins an element.
fn next_tag<'a>(rest: &mut &'a str) -> Option<Tag<'a>> {
    loop {
        *rest = &rest[rest.find('<')? + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            *rest = &comment[comment.find("-->")? + 3..];
            continue;
        }
        let length = rest.find(|next: char| !next.is_ascii_alphanumeric()).unwrap_or(rest.len());
        if length == 0 {
            continue;
        }
        let name = rest[..length].to_ascii_lowercase();
        *rest = &rest[length..];
        return Some(Tag { name, attributes: attributes(rest) });
    }
}

/// Takes the attributes of a tag, and its end.
fn attributes<'a>(rest: &mut &'a str) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    loop {
        *rest = rest.trim_start_matches(|next: char| next.is_ascii_whitespace() || next == '/');
        if rest.is_empty() || rest.starts_with('>') {
            *rest = rest.strip_prefix('>').unwrap_or(rest);
            return found;
        }
        // A name may begin with an equals sign, but not have one further on.
        let end = |next: char| next.is_ascii_whitespace() || matches!(next, '=' | '>' | '/');
        let length = rest.char_indices().skip(1).find(|(_, next)| end(*next)).map_or(rest.len(), |(at, _)| at);
        let (name, after) = rest.split_at(length);
        *rest = after.trim_start();
        let value = match rest.strip_prefix('=') {
            None => "",
            Some(after) => {
                *rest = after.trim_start();
                value(rest)
            }
        };
        found.push((name, value));
    }
}

/// Takes the value of an attribute.
fn value<'a>(rest: &mut &'a str) -> &'a str {
    for quote in ['"', '\''] {
        if let Some(quoted) = rest.strip_prefix(quote) {
            let (value, after) = quoted.split_once(quote).unwrap_or((quoted, ""));
            *rest = after;
            return value;
        }
    }
    let length = rest.find(|next: char| next.is_ascii_whitespace() || next == '>').unwrap_or(rest.len());
    let (value, after) = rest.split_at(length);
    *rest = after;
    value
}

/// Takes everything up to the end tag of the element `name`.
fn until_end<'a>(rest: &mut &'a str, name: &str) -> &'a str {
    let is_end = |at: &usize| {
        let tag = rest.as_bytes().get(at + 2..at + 2 + name.len());
        tag.is_some_and(|tag| tag.eq_ignore_ascii_case(name.as_bytes()))
    };
    let end = rest.match_indices("</").map(|(at, _)| at).find(is_end).unwrap_or(rest.len());
    let (content, after) = rest.split_at(end);
    *rest = after;
    content
}

/// What people read: references resolved, white space collapsed, cut where it is too long.
fn text(raw: &str) -> String {
    let resolved = resolve(raw);
    let mut text = String::new();
    for word in resolved.split_whitespace() {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn resolve(raw: &str) -> String {
    let mut resolved = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        resolved.push_str(before);
        let reference = from[1..].split_once(';').and_then(|(name, after)| Some((character(name)?, after)));
        rest = match reference {
            Some((character, after)) => {
                resolved.push_str(&character);
                after
            }
            None => {
                resolved.push('&');
                &from[1..]
            }
        };
    }
    resolved.push_str(rest);
    resolved
}

/// The character that a reference without `&` and `;` stands for.
fn character(name: &str) -> Option<Cow<'static, str>> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
            None => number.parse().ok()?,
        };
        return Some(
            char::from_u32(code).filter(|next| !next.is_control() || next.is_whitespace())?.to_string().into(),
        );
    }
    NAMED.iter().find(|(known, _)| *known == name).map(|(_, character)| Cow::Borrowed(*character))
}
