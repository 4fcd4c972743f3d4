//! Lists of patterns with `*` and `?`, in which capitals make no difference.

use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

/// A list of patterns, as configuration and commands have it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct Patterns(Vec<WildMatch>);

impl From<Vec<String>> for Patterns {
    fn from(patterns: Vec<String>) -> Self {
        Self(patterns.iter().map(|pattern| pattern.trim()).filter(|pattern| !pattern.is_empty()).map(glob).collect())
    }
}

impl From<Patterns> for Vec<String> {
    fn from(patterns: Patterns) -> Self {
        patterns.0.iter().map(WildMatch::pattern).collect()
    }
}

impl Patterns {
    /// Whether one of them matches all of `text`.
    pub fn match_any(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(text))
    }

    /// The patterns.
    pub fn iter(&self) -> impl Iterator<Item = &WildMatch> {
        self.0.iter()
    }
}

/// A pattern in which capitals make no difference.
pub fn glob(pattern: &str) -> WildMatch {
    WildMatch::new_case_insensitive(pattern)
}
