//! Uploads, downloads and thumbnails.

use std::time::Duration;

use ruma::{
    OwnedServerName, UInt,
    api::client::{
        authenticated_media::{
            get_content, get_content_as_filename, get_content_thumbnail, get_media_config, get_media_preview,
        },
        media::{create_content, create_content_async, create_mxc_uri},
    },
    media::Method as Resizing,
};

use crate::{
    App, Error, Result,
    access::feature::Feature,
    http::{endpoint::Ruma, uploads::Done},
    media::{
        Access, Download, Wanted,
        geometry::{Method, Shape},
        intake::Body,
    },
    storage::media::{Description, MediaKey},
};

/// `POST /_matrix/media/v3/upload`
pub async fn upload(
    app: App,
    req: Ruma<create_content::v3::Request>,
    body: Body,
) -> Result<create_content::v3::Response> {
    let description = Description { content_type: req.body.content_type, file_name: req.body.filename };
    Ok(create_content::v3::Response::new(app.media.upload(&req.caller, description, body).await?))
}

/// `POST /_matrix/media/v1/create`
pub async fn create(app: App, req: Ruma<create_mxc_uri::v1::Request>) -> Result<create_mxc_uri::v1::Response> {
    let announced = app.media.announce(&req.caller).await?;
    let mut response = create_mxc_uri::v1::Response::new(announced.uri);
    response.unused_expires_at = Some(announced.expires_at);
    Ok(response)
}

/// `PUT /_matrix/media/v3/upload/{serverName}/{mediaId}`
pub async fn upload_created(app: App, req: Ruma<create_content_async::v3::Request>, body: Body) -> Result<Done> {
    let key = MediaKey { origin: &req.body.server_name, media_id: &req.body.media_id };
    let description = Description { content_type: req.body.content_type, file_name: req.body.filename };
    app.media.fulfil(&req.caller, key, description, body).await?;
    Ok(Done)
}

/// `GET /_matrix/client/v1/media/config`
pub async fn config(app: App, _: Ruma<get_media_config::v1::Request>) -> Result<get_media_config::v1::Response> {
    Ok(get_media_config::v1::Response::new(UInt::new_saturating(app.media.max_upload_size())))
}

/// `GET /_matrix/client/v1/media/preview_url`
pub async fn preview(app: App, req: Ruma<get_media_preview::v1::Request>) -> Result<get_media_preview::v1::Response> {
    let preview = app.previews.preview(&req.body.url).await?;
    get_media_preview::v1::Response::from_serialize(&*preview).map_err(|fault| Error::internal(fault.to_string()))
}

/// `GET /_matrix/client/v1/media/download/{serverName}/{mediaId}`
pub async fn download(app: App, req: Ruma<get_content::v1::Request>) -> Result<Download> {
    let access = access(&app, &req).await?;
    let req = req.body;
    let wanted = wanted(req.server_name, req.media_id, req.timeout_ms, access);
    app.media.download(&wanted, None).await
}

/// Administrators can see what was withdrawn if they say so, as tools do for Synapse; it is recorded.
async fn access(app: &App, req: &Ruma<get_content::v1::Request>) -> Result<Access> {
    let mut query = url::form_urlencoded::parse(req.uri.query().unwrap_or_default().as_bytes());
    let is_wanted = query.any(|(name, value)| name == "admin_unsafely_bypass_quarantine" && value == "true");
    if !is_wanted || !req.caller.is_admin {
        return Ok(Access::Authenticated);
    }
    app.access.gates.feature(&req.caller.visitor(), Feature::AdminApi).await?;
    app.moderation.record_look_at(&req.caller, &req.body.server_name, &req.body.media_id).await?;
    Ok(Access::Overseeing)
}

/// `GET /_matrix/client/v1/media/download/{serverName}/{mediaId}/{fileName}`
pub async fn download_as(app: App, req: Ruma<get_content_as_filename::v1::Request>) -> Result<Download> {
    let req = req.body;
    let wanted = wanted(req.server_name, req.media_id, req.timeout_ms, Access::Authenticated);
    app.media.download(&wanted, Some(&req.filename)).await
}

/// `GET /_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}`
pub async fn thumbnail(app: App, req: Ruma<get_content_thumbnail::v1::Request>) -> Result<Download> {
    let req = req.body;
    let shape = shape(req.method, req.width, req.height, req.animated)?;
    let wanted = wanted(req.server_name, req.media_id, req.timeout_ms, Access::Authenticated);
    app.media.thumbnail(&wanted, shape).await
}

pub(super) fn wanted(origin: OwnedServerName, media_id: String, patience: Duration, access: Access) -> Wanted {
    Wanted { origin, media_id, access, patience }
}

/// The thumbnail asked for: scaled unless it is said otherwise.
pub(super) fn shape(method: Option<Resizing>, width: UInt, height: UInt, animated: Option<bool>) -> Result<Shape> {
    let method = match method {
        Some(Resizing::Crop) => Method::Crop,
        Some(Resizing::Scale) | None => Method::Scale,
        Some(_) => return Err(Error::invalid_param("Thumbnails can be cropped or scaled.")),
    };
    let pixels = |side: UInt| u32::try_from(u64::from(side)).unwrap_or(u32::MAX);
    let size = (pixels(width), pixels(height));
    if size.0 == 0 || size.1 == 0 {
        return Err(Error::invalid_param("A thumbnail is at least one pixel wide and high."));
    }
    Ok(Shape { method, size, is_animated: animated.unwrap_or(false) })
}
