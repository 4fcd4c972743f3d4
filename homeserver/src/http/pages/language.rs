//! The languages of the pages. Sentences are written in English where they are used; another language
//! is a table from these.

mod french;
#[cfg(test)]
mod tests;

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// French.
    French,
}

impl Language {
    /// The language among ours that comes first in the header `Accept-Language`.
    pub fn preferred(header: &str) -> Self {
        let wishes = header.split(',').filter_map(|wish| {
            let (tag, weight) = wish.split_once(';').unwrap_or((wish, "q=1"));
            let weight: f32 = weight.trim().strip_prefix("q=")?.parse().ok()?;
            let language = match tag.trim().split('-').next()?.to_ascii_lowercase().as_str() {
                "en" => Self::English,
                "fr" => Self::French,
                _ => return None,
            };
            (weight > 0.0).then_some((language, weight))
        });
        // Of wishes that weigh the same, the first one counts.
        let best = wishes.reduce(|best, wish| if wish.1 > best.1 { wish } else { best });
        best.map_or(Self::English, |(language, _)| language)
    }

    /// The language's code.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// A sentence in this language; one that is not known stays English.
    pub fn say(self, sentence: &str) -> &str {
        match self {
            Self::English => sentence,
            Self::French => french::SENTENCES.iter().find(|(of, _)| *of == sentence).map_or(sentence, |(_, to)| to),
        }
    }
}
