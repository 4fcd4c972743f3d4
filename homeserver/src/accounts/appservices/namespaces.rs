//! Namespaces: the names that an application service is interested in, or has for itself.

use regex::Regex;

/// The namespaces of one application service.
#[derive(Clone, Debug, Default)]
pub struct Namespaces {
    /// User IDs.
    pub users: Namespace,
    /// Room aliases.
    pub aliases: Namespace,
    /// Room IDs.
    pub rooms: Namespace,
}

/// Names of one kind.
#[derive(Clone, Debug, Default)]
pub struct Namespace(Vec<Pattern>);

#[derive(Clone, Debug)]
struct Pattern {
    regex: Regex,
    is_exclusive: bool,
}

impl Namespace {
    /// Adds the names that match `regex` from their first character on; what follows is not looked
    /// at, as bridges know it from other servers. Exclusive names are nobody else's.
    pub fn add(&mut self, regex: &str, is_exclusive: bool) -> Result<(), regex::Error> {
        let regex = Regex::new(&format!("^(?:{regex})"))?;
        self.0.push(Pattern { regex, is_exclusive });
        Ok(())
    }

    /// Whether there are no names.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `name` is among them.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| pattern.regex.is_match(name))
    }

    /// Whether nobody else can have `name`.
    pub fn owns(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| pattern.is_exclusive && pattern.regex.is_match(name))
    }
}
