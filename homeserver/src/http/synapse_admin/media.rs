//! Files: whose they are, withdrawing and deleting them.

use ruma::{OwnedMxcUri, OwnedServerName};
use serde::{Deserialize, Serialize};

use super::{Call, Nothing};
use crate::{
    App, Error, Result,
    moderation::OldMedia,
    storage::media::overview::{self, MediaOrder},
};

/// Media on a page, if nothing else is asked for.
const LIMIT: u32 = 100;
/// Times before this one are seconds that somebody took for milliseconds.
const EARLIEST_MS: i64 = 30_000_000_000;

/// A media.
#[derive(Serialize)]
pub(super) struct ListedMedia {
    media_id: String,
    media_type: Option<String>,
    media_length: i64,
    upload_name: Option<String>,
    created_ts: i64,
    /// When a file is looked at is not noted here.
    last_access_ts: Option<i64>,
    quarantined_by: Option<String>,
    safe_from_quarantine: bool,
}

impl From<overview::ListedMedia> for ListedMedia {
    fn from(media: overview::ListedMedia) -> Self {
        Self {
            media_id: media.media_id,
            media_type: media.content_type,
            media_length: media.size,
            upload_name: media.file_name,
            created_ts: media.created_at,
            last_access_ts: None,
            quarantined_by: media.quarantined_by.map(|user| user.to_string()),
            safe_from_quarantine: media.is_protected,
        }
    }
}

#[derive(Deserialize)]
struct Order {
    order_by: Option<String>,
}

impl Order {
    fn parse(&self) -> Result<MediaOrder> {
        Ok(match self.order_by.as_deref() {
            None | Some("created_ts" | "last_access_ts") => MediaOrder::CreatedAt,
            Some("safe_from_quarantine") => MediaOrder::Protected,
            Some("media_id") => MediaOrder::Id,
            Some("media_type") => MediaOrder::ContentType,
            Some("upload_name") => MediaOrder::FileName,
            Some("media_length") => MediaOrder::Size,
            Some("quarantined_by") => MediaOrder::QuarantinedBy,
            Some(other) => return Err(Error::invalid_param(format!("Media cannot be sorted by {other}."))),
        })
    }
}

#[derive(Serialize)]
pub(super) struct MediaList {
    media: Vec<ListedMedia>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<i64>,
    total: i64,
}

/// `GET /_synapse/admin/v1/users/{user_id}/media`
pub(super) async fn of_user(app: App, call: Call) -> Result<MediaList> {
    let order: Order = call.query()?;
    // The newest come first, unless another order is asked for.
    let page = call.page(LIMIT, order.order_by.is_none())?;
    let (media, total) = app.moderation.media_of(&call.user(0)?, order.parse()?, page).await?;
    let next = i64::from(page.from) + i64::from(page.limit);
    let media = media.into_iter().map(ListedMedia::from).collect();
    Ok(MediaList { media, next_token: (next < total).then_some(next), total })
}

#[derive(Serialize)]
pub(super) struct Deleted {
    total: usize,
    deleted_media: Vec<String>,
}

impl From<Vec<String>> for Deleted {
    fn from(deleted_media: Vec<String>) -> Self {
        Self { total: deleted_media.len(), deleted_media }
    }
}

/// `DELETE /_synapse/admin/v1/users/{user_id}/media`
pub(super) async fn delete_of_user(app: App, call: Call) -> Result<Deleted> {
    let order: Order = call.query()?;
    let page = call.page(LIMIT, order.order_by.is_none())?;
    let (media, _) = app.moderation.media_of(&call.user(0)?, order.parse()?, page).await?;
    let ids = media.into_iter().map(|media| media.media_id).collect();
    Ok(app.moderation.delete_media(&call.caller, ids).await?.into())
}

/// `DELETE /_synapse/admin/v1/media/{server_name}/{media_id}`
pub(super) async fn delete(app: App, call: Call) -> Result<Deleted> {
    if server(&call)? != app.config.server.name {
        return Err(Error::invalid_param("Only media of this server are deleted one by one."));
    }
    let deleted = app.moderation.delete_media(&call.caller, vec![call.args[1].clone()]).await?;
    if deleted.is_empty() {
        return Err(Error::not_found("There is no such media."));
    }
    Ok(deleted.into())
}

#[derive(Serialize)]
pub(super) struct MediaInfo {
    media_info: ListedMedia,
}

/// `GET /_synapse/admin/v1/media/{server_name}/{media_id}`
pub(super) async fn find(app: App, call: Call) -> Result<MediaInfo> {
    Ok(MediaInfo { media_info: app.moderation.media_at(&server(&call)?, &call.args[1]).await?.into() })
}

#[derive(Deserialize)]
struct Old {
    before_ts: i64,
    #[serde(default)]
    size_gt: i64,
    keep_profiles: Option<bool>,
}

impl Old {
    fn checked(self) -> Result<OldMedia> {
        if self.before_ts < EARLIEST_MS || self.size_gt < 0 {
            return Err(Error::invalid_param("`before_ts` is in milliseconds, and `size_gt` not negative."));
        }
        let keeps_pictures = self.keep_profiles.unwrap_or(true);
        // A limit of none lets empty files go, too.
        let larger_than = if self.size_gt == 0 { -1 } else { self.size_gt };
        Ok(OldMedia { before_ms: self.before_ts, larger_than, keeps_pictures })
    }
}

/// `POST /_synapse/admin/v1/media/delete`
pub(super) async fn delete_old(app: App, call: Call) -> Result<Deleted> {
    let old = call.query::<Old>()?.checked()?;
    Ok(app.moderation.delete_old_media(&call.caller, true, old).await?.into())
}

#[derive(Serialize)]
pub(super) struct Purged {
    deleted: usize,
}

/// `POST /_synapse/admin/v1/purge_media_cache`
pub(super) async fn purge_copies(app: App, call: Call) -> Result<Purged> {
    let old = OldMedia { keeps_pictures: false, ..call.query::<Old>()?.checked()? };
    Ok(Purged { deleted: app.moderation.delete_old_media(&call.caller, false, old).await?.len() })
}

/// `POST /_synapse/admin/v1/media/quarantine/{server_name}/{media_id}`
pub(super) async fn quarantine(app: App, call: Call) -> Result<Nothing> {
    app.moderation.quarantine(&call.caller, &server(&call)?, &call.args[1], true).await?;
    Ok(Nothing {})
}

/// `POST /_synapse/admin/v1/media/unquarantine/{server_name}/{media_id}`
pub(super) async fn end_quarantine(app: App, call: Call) -> Result<Nothing> {
    app.moderation.quarantine(&call.caller, &server(&call)?, &call.args[1], false).await?;
    Ok(Nothing {})
}

/// `POST /_synapse/admin/v1/media/protect/{media_id}`
pub(super) async fn protect(app: App, call: Call) -> Result<Nothing> {
    app.moderation.protect(&call.caller, &call.args[0], true).await?;
    Ok(Nothing {})
}

/// `POST /_synapse/admin/v1/media/unprotect/{media_id}`
pub(super) async fn end_protection(app: App, call: Call) -> Result<Nothing> {
    app.moderation.protect(&call.caller, &call.args[0], false).await?;
    Ok(Nothing {})
}

#[derive(Serialize)]
pub(super) struct Quarantined {
    num_quarantined: usize,
}

/// `POST /_synapse/admin/v1/user/{user_id}/media/quarantine`
pub(super) async fn quarantine_of_user(app: App, call: Call) -> Result<Quarantined> {
    Ok(Quarantined { num_quarantined: app.moderation.quarantine_of(&call.caller, &call.user(0)?).await? })
}

/// `POST /_synapse/admin/v1/room/{room_id}/media/quarantine`
pub(super) async fn quarantine_of_room(app: App, call: Call) -> Result<Quarantined> {
    Ok(Quarantined { num_quarantined: app.moderation.quarantine_in(&call.caller, &call.room(0)?).await? })
}

#[derive(Serialize)]
pub(super) struct Shown {
    local: Vec<OwnedMxcUri>,
    remote: Vec<OwnedMxcUri>,
}

/// `GET /_synapse/admin/v1/room/{room_id}/media`
pub(super) async fn of_room(app: App, call: Call) -> Result<Shown> {
    let shown = app.moderation.media_in(&call.room(0)?).await?;
    let is_local = |uri: &OwnedMxcUri| uri.server_name().is_ok_and(|server| *server == app.config.server.name);
    let (local, remote) = shown.into_iter().partition(is_local);
    Ok(Shown { local, remote })
}

fn server(call: &Call) -> Result<OwnedServerName> {
    OwnedServerName::try_from(&*call.args[0]).map_err(|_| Error::invalid_param("This is not a server's name."))
}
