//! Downloads at the old paths, which need no access token and find only what was uploaded while
//! they were in use.
#![expect(deprecated, reason = "these endpoints are, but clients still call them")]

use ruma::{
    UInt,
    api::client::media::{
        get_content, get_content_as_filename, get_content_thumbnail, get_media_config, get_media_preview,
    },
};

use super::media::{shape, wanted};
use crate::{
    App, Error, Result,
    http::endpoint::Ruma,
    media::{Access, Download},
};

/// `GET /_matrix/media/v3/download/{serverName}/{mediaId}`
pub async fn download(app: App, req: Ruma<get_content::v3::Request>) -> Result<Download> {
    let req = req.body;
    let wanted = wanted(req.server_name, req.media_id, req.timeout_ms, Access::Anonymous);
    app.media.download(&wanted, None).await
}

/// `GET /_matrix/media/v3/download/{serverName}/{mediaId}/{fileName}`
pub async fn download_as(app: App, req: Ruma<get_content_as_filename::v3::Request>) -> Result<Download> {
    let req = req.body;
    let wanted = wanted(req.server_name, req.media_id, req.timeout_ms, Access::Anonymous);
    app.media.download(&wanted, Some(&req.filename)).await
}

/// `GET /_matrix/media/v3/thumbnail/{serverName}/{mediaId}`
pub async fn thumbnail(app: App, req: Ruma<get_content_thumbnail::v3::Request>) -> Result<Download> {
    let req = req.body;
    let shape = shape(req.method, req.width, req.height, req.animated)?;
    let wanted = wanted(req.server_name, req.media_id, req.timeout_ms, Access::Anonymous);
    app.media.thumbnail(&wanted, shape).await
}

/// `GET /_matrix/media/v3/preview_url`
pub async fn preview(app: App, req: Ruma<get_media_preview::v3::Request>) -> Result<get_media_preview::v3::Response> {
    let preview = app.previews.preview(&req.body.url).await?;
    get_media_preview::v3::Response::from_serialize(&*preview).map_err(|fault| Error::internal(fault.to_string()))
}

/// `GET /_matrix/media/v3/config`
pub async fn config(app: App, _: Ruma<get_media_config::v3::Request>) -> Result<get_media_config::v3::Response> {
    Ok(get_media_config::v3::Response::new(UInt::new_saturating(app.media.max_upload_size())))
}
