//! Previews of pages that people link to: what a page says about itself, and its picture. Client-server
//! API, "Content repository", `preview_url`.

mod page;

use std::{future::ready, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use quick_cache::sync::Cache;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tracing::debug;
use url::Url;

use super::{
    Media,
    intake::{Allowance, Body, Place},
    picture,
};
use crate::{
    Error, Result,
    clock::Clock,
    error::ErrorKind,
    remote::outgoing::{Fetched, Limits, Outgoing, is_web},
    storage::media::{self, Description, MediaKey, MediaState},
};

/// Longest URL that is looked at, in bytes.
const URL_LENGTH: usize = 4096;
/// Previews that are remembered, and for how long, also that there is none.
const REMEMBERED: usize = 2_000;
const FRESH: Duration = Duration::from_hours(1);
const FRESH_FAILURE: Duration = Duration::from_mins(1);
/// Pages that are fetched at the same time.
const AT_ONCE: usize = 8;
/// Of a page only the beginning is read, where its head is.
const LIMITS: Limits = Limits { text: 512 << 10, other: 10 << 20 };
const ACCEPT_PAGES: &str = "text/html, application/xhtml+xml, image/*;q=0.8";
const ACCEPT_PICTURES: &str = "image/*";

/// What a page says about itself: properties of the Open Graph protocol by name.
type Preview = Arc<Map<String, Value>>;

/// Looks at pages for people; clones share what is known.
#[derive(Clone, Debug)]
pub struct Previews {
    media: Media,
    outgoing: Outgoing,
    clock: Clock,
    known: Arc<Cache<String, Known>>,
    permits: Arc<Semaphore>,
}

/// The outcome of looking at a page.
#[derive(Clone, Debug)]
struct Known {
    until_ms: i64,
    preview: Option<Preview>,
}

impl Previews {
    /// Previews whose pictures are kept in `media`.
    pub fn new(media: Media, outgoing: Outgoing, clock: Clock) -> Self {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        Self { media, outgoing, clock, known: Arc::new(Cache::new(REMEMBERED)), permits }
    }

    /// What the page at `url` says about itself.
    pub async fn preview(&self, url: &str) -> Result<Preview> {
        if !self.media.config.url_previews {
            return Err(Error::unrecognized("This server makes no previews of pages."));
        }
        let url = parse(url)?;
        self.known.remove_if(url.as_str(), |known| known.until_ms <= self.clock.now_ms());
        // Whoever asks for the same page meanwhile waits for the same answer.
        let known = self.known.get_or_insert_async(url.as_str(), self.look(&url)).await?;
        known.preview.ok_or_else(|| {
            Error::refused(ErrorKind::ConnectionFailed, "This page could not be fetched, or there is nothing to show.")
        })
    }

    async fn look(&self, url: &Url) -> Result<Known> {
        let _permit = self.permits.acquire().await.map_err(|_| Error::internal("previews are over"))?;
        let (preview, fresh) = match self.outgoing.fetch(url.clone(), ACCEPT_PAGES, LIMITS).await {
            Ok(fetched) => (Some(Arc::new(self.describe(fetched).await?)), FRESH),
            Err(fault) => {
                debug!(error = format!("{fault:#}"), "A page could not be fetched for a preview");
                (None, FRESH_FAILURE)
            }
        };
        Ok(Known { until_ms: self.clock.now_ms() + fresh.as_millis() as i64, preview })
    }

    async fn describe(&self, fetched: Fetched) -> Result<Map<String, Value>> {
        if fetched.content_type.starts_with("image/") {
            return self.picture(fetched).await;
        }
        if !page::is_page(&fetched.content_type) {
            return Ok(Map::new());
        }
        let mut properties = page::describe(&page::decode(&fetched.body, &fetched.content_type));
        // What the page says of its picture is replaced by what the picture is.
        let picture = properties.remove("og:image");
        properties.retain(|name, _| !name.starts_with("og:image:") || name == "og:image:alt");
        let mut preview: Map<String, Value> = properties.into_iter().map(|(name, text)| (name, text.into())).collect();
        if let Some(picture) = picture.and_then(|picture| fetched.url.join(&picture).ok()) {
            match self.outgoing.fetch(picture, ACCEPT_PICTURES, LIMITS).await {
                Ok(fetched) => preview.extend(self.picture(fetched).await?),
                Err(fault) => debug!(error = format!("{fault:#}"), "The picture of a preview could not be fetched"),
            }
        }
        Ok(preview)
    }

    /// Keeps a picture, and says what is known of it; nothing if it is none that clients can show.
    async fn picture(&self, fetched: Fetched) -> Result<Map<String, Value>> {
        let mut described = Map::new();
        let size = fetched.body.len();
        let Some((format, (width, height))) = picture::measure(&fetched.body) else { return Ok(described) };
        let content_type = format!("image/{}", format.name());
        let Some(uri) = self.keep(fetched.body, content_type.clone()).await? else { return Ok(described) };
        described.insert("og:image".to_owned(), uri.into());
        described.insert("og:image:type".to_owned(), content_type.into());
        described.insert("og:image:width".to_owned(), width.into());
        described.insert("og:image:height".to_owned(), height.into());
        described.insert("matrix:image:size".to_owned(), size.into());
        Ok(described)
    }

    /// Stores a picture under a name that follows from what it shows, so that it is kept once however
    /// often it is found. None if it was withdrawn.
    async fn keep(&self, picture: Bytes, content_type: String) -> Result<Option<String>> {
        let declared = picture.len() as u64;
        let body = Body { declared: Some(declared), pieces: Box::pin(stream::once(ready(Ok(picture)))) };
        let content = self.media.receive(Allowance { each: declared, left: None }, body).await?;
        let media_id = format!("preview_{}", content.hash);
        let key = MediaKey { origin: &self.media.server_name, media_id: &media_id };
        let is_shown = match self.is_shown(key).await? {
            Some(is_shown) => is_shown,
            None => {
                let description = Description { content_type: Some(content_type), file_name: None };
                let admitted =
                    self.media.admit(&content, self.media.arrival(key, None, &description, &content), Place::New);
                match admitted.await {
                    Ok(()) => true,
                    // Another process may have found the same picture at this moment.
                    Err(fault) => self.is_shown(key).await?.ok_or(fault)?,
                }
            }
        };
        Ok(is_shown.then(|| format!("mxc://{}/{media_id}", self.media.server_name)))
    }

    /// Whether the media `key` may be shown; none if it is not there yet.
    async fn is_shown(&self, key: MediaKey<'_>) -> Result<Option<bool>> {
        let found = media::find(&mut *self.media.storage.conn().await?, key).await?;
        Ok(found.map(|media| matches!(media.state, MediaState::Ready(content) if !content.is_quarantined)))
    }
}

/// The address that is looked at.
fn parse(url: &str) -> Result<Url> {
    let parsed = Url::parse(url).ok().filter(|parsed| url.len() <= URL_LENGTH && is_web(parsed));
    let Some(mut parsed) = parsed else {
        return Err(Error::invalid_param("This is not the address of a page on the web."));
    };
    parsed.set_fragment(None);
    Ok(parsed)
}
