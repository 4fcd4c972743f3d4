//! Finds people by name or ID. Client-server API, "User Directory".

use super::Directory;
use crate::{
    Result,
    accounts::User,
    storage::people::{self, Person},
};

/// People in an answer, at most.
const LIMIT: usize = 50;
/// So many are looked at for one answer, those that fit best.
const LOOKED_AT: i64 = 2_000;
/// So many are looked at in one go.
const CHUNK: usize = 64;

/// People who were found.
#[derive(Debug)]
pub struct Found {
    /// Those that fit best first.
    pub people: Vec<Person>,
    /// Whether there are more.
    pub is_limited: bool,
}

impl Directory {
    /// Finds people whom `reader` may find: who share a room with them, or are in a room that
    /// everybody may join or read.
    pub async fn search_people(&self, reader: &User, term: &str, limit: usize) -> Result<Found> {
        let limit = limit.clamp(1, LIMIT);
        let mut conn = self.storage.conn().await?;
        let candidates = match term.trim().starts_with('@') {
            true => people::by_id(&mut conn, &term.trim().to_lowercase(), LOOKED_AT).await?,
            false => people::by_words(&mut conn, &longest_first(term), LOOKED_AT).await?,
        };
        let mut found: Vec<Person> = Vec::new();
        for chunk in candidates.chunks(CHUNK) {
            let mut visible = people::visible(&mut conn, chunk, reader.nid).await?;
            visible.sort_by_key(|person| chunk.iter().position(|candidate| *candidate == person.user));
            found.extend(visible);
            if found.len() > limit {
                break;
            }
        }
        let is_limited = found.len() > limit;
        found.truncate(limit);
        Ok(Found { people: found, is_limited })
    }
}

/// The words of a term. The longest one finds the fewest people, so it comes first.
fn longest_first(term: &str) -> Vec<String> {
    let mut words: Vec<String> = people::words(term).into_iter().collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
    words
}
