//! Filters that clients store to sync with. Client-server API, "Filtering".

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use quick_cache::sync::Cache;
use ruma::api::client::filter::FilterDefinition;

use crate::{
    Error, Result,
    clock::Clock,
    secrets::Secrets,
    storage::{Storage, filters, numbers::UserNid},
};

/// Parsed filters kept in memory, at most.
const PARSED: usize = 10_000;
/// Bytes of a filter's hash that make up its ID.
const ID: usize = 9;
/// Most bytes of a filter.
const LARGEST: usize = 64 << 10;

/// The filters of local users; clones share those in memory.
#[derive(Clone, Debug)]
pub struct Filters {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    parsed: Arc<Cache<(UserNid, String), Arc<FilterDefinition>>>,
}

impl Filters {
    /// Filters in `storage`.
    pub fn new(storage: Storage, secrets: Secrets, clock: Clock) -> Self {
        Self { storage, secrets, clock, parsed: Arc::new(Cache::new(PARSED)) }
    }

    /// Stores a filter, given as the JSON that a client sent, and returns its ID: the same for the
    /// same filter.
    pub async fn create(&self, user: UserNid, content: &[u8]) -> Result<String> {
        if content.len() > LARGEST {
            return Err(Error::too_large("This filter is too large."));
        }
        let content = std::str::from_utf8(content).map_err(|_| Error::not_json("The filter is not UTF-8."))?;
        parse(content)?;
        let hash = self.secrets.hash("filter", content);
        let filter_id = URL_SAFE_NO_PAD.encode(&hash[..ID]);
        filters::insert(&mut *self.storage.conn().await?, user, &filter_id, content, self.clock.now_ms()).await?;
        Ok(filter_id)
    }

    /// The JSON of a filter, as the client sent it.
    pub async fn json(&self, user: UserNid, filter_id: &str) -> Result<String> {
        let found = filters::find(&mut *self.storage.conn().await?, user, filter_id).await?;
        found.ok_or_else(|| Error::not_found("There is no such filter."))
    }

    /// A filter to use. Filters never change, so those in memory are right.
    pub async fn load(&self, user: UserNid, filter_id: &str) -> Result<Arc<FilterDefinition>> {
        if filter_id.starts_with('{') {
            return Err(Error::bad_json("This is not a filter."));
        }
        let key = (user, filter_id.to_owned());
        if let Some(filter) = self.parsed.get(&key) {
            return Ok(filter);
        }
        let filter = Arc::new(parse(&self.json(user, filter_id).await?)?);
        self.parsed.insert(key, filter.clone());
        Ok(filter)
    }
}

fn parse(content: &str) -> Result<FilterDefinition> {
    serde_json::from_str(content).map_err(|fault| Error::bad_json(format!("This is not a filter: {fault}.")))
}
