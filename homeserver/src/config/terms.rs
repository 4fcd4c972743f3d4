//! `[[terms]]`: documents that people have to accept.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use super::Problem;

/// A document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Terms {
    /// Its name among the documents; it stays as it is.
    pub id: String,
    /// The version that has to be accepted.
    pub version: String,
    /// What it is called and where it stands, by the codes of languages.
    pub texts: BTreeMap<String, TermsText>,
}

/// A document in one language: at an address, or in a file that this server shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are described above")]
pub struct TermsText {
    pub name: String,
    pub url: Option<Url>,
    pub file: Option<PathBuf>,
}

impl Terms {
    fn check(&self) -> Result<(), Problem> {
        let problem = |name: &str, message: &str| Err(Problem::new(format!("terms.{name}"), message));
        let is_plain = |text: &str| {
            let mut bytes = text.bytes();
            (1..=64).contains(&text.len()) && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        };
        if !is_plain(&self.id) {
            return problem("id", "must be 1 to 64 letters, digits and - . _ ~");
        }
        if !is_plain(&self.version) {
            return problem("version", "must be 1 to 64 letters, digits and - . _ ~");
        }
        let is_sound =
            |(code, text): (&String, &TermsText)| is_language(code) && !text.name.is_empty() && text.is_somewhere();
        if self.texts.is_empty() || !self.texts.iter().all(is_sound) {
            return problem(
                "texts",
                "must look like { en = { name = \"Terms\", url = \"https://example.org/terms\" } }",
            );
        }
        Ok(())
    }
}

impl TermsText {
    fn is_somewhere(&self) -> bool {
        let is_web = |url: &Url| matches!(url.scheme(), "http" | "https");
        match (&self.url, &self.file) {
            (Some(url), None) => is_web(url),
            (None, Some(_)) => true,
            _ => false,
        }
    }
}

/// Clients take every member of a document but its version for a language.
fn is_language(code: &str) -> bool {
    code != "version" && code.len() >= 2 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Refuses documents that make no sense, alone or together.
pub(super) fn check(documents: &[Terms]) -> Result<(), Problem> {
    for (index, document) in documents.iter().enumerate() {
        document.check()?;
        if documents[..index].iter().any(|other| other.id == document.id) {
            return Err(Problem::new("terms.id", "must be another for each document"));
        }
    }
    Ok(())
}
