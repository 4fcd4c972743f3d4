//! The picture by which others know somebody.

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use ruma::{MxcUri, OwnedMxcUri};
use serde_json::{Value, json};
use tokio::{fs::File as OpenFile, io::AsyncReadExt};

use super::{permit, profile};
use crate::{
    Error, Result,
    access::{
        feature::Feature,
        rate_limits::{Action, Subject},
    },
    accounts::browser_sessions::BrowserSession,
    http::pages::{Page, refusal, reply::Reply, upload::File, visit::Visit},
    media::{
        Access, Wanted,
        geometry::{Method, Shape},
        intake::Body,
        picture::Format,
    },
    storage::media::Description,
};

/// How large it is shown, in pixels.
const SIDE: u32 = 192;
/// The largest file that is shown, in bytes: what is small enough in pixels is shown as it is.
const LARGEST: u64 = 1 << 20;
/// How many bytes tell a picture's format.
const SIGNATURE: usize = 16;

/// `GET /account/avatar`
pub(in crate::http::pages) async fn show(visit: Visit) -> Page {
    let session = visit.member("/account")?;
    let none = || Error::not_found("There is no picture.");
    let uri = profile::text(&visit, session, "avatar_url").await?.ok_or_else(none)?;
    let uri: OwnedMxcUri = uri.into();
    let (content_type, bytes) = small(&visit, &uri).await?.ok_or_else(none)?;
    Ok(Reply::file(content_type, bytes))
}

/// `POST /account/avatar`
pub(in crate::http::pages) async fn submit(visit: Visit, file: File) -> Page {
    let session = visit.member("/account")?;
    answer(&visit, session, take(&visit, session, file).await).await
}

/// `POST /account/avatar/remove`
pub(in crate::http::pages) async fn remove(visit: Visit) -> Page {
    let session = visit.member("/account")?;
    let removed = match permit(&visit, session, Feature::ChangeProfile).await {
        Ok(()) => set(&visit, session, None).await,
        Err(refusal) => Err(refusal),
    };
    answer(&visit, session, removed).await
}

/// Leads back to the profile, or shows it again with what is refused.
async fn answer(visit: &Visit, session: &BrowserSession, done: Result<()>) -> Page {
    match done {
        Ok(()) => Ok(Reply::to("/account?saved=1")),
        Err(error) => {
            let (status, message) = refusal(error)?;
            Ok(profile::page(visit, session, visit.frame().with_alarm(message)).await?.with_status(status))
        }
    }
}

/// Uploads a picture, as clients do, and makes it the avatar.
async fn take(visit: &Visit, session: &BrowserSession, file: File) -> Result<()> {
    for feature in [Feature::ChangeProfile, Feature::Upload] {
        permit(visit, session, feature).await?;
    }
    visit.app.access.rate_limits.take(Action::Media, Subject::User(session.user.nid))?;
    let (format, body) = picture(file).await?;
    let description = Description { content_type: Some(format.content_type()), file_name: None };
    let uri = visit.app.media.upload(&session.user, description, body).await?;
    set(visit, session, Some(json!(uri))).await
}

async fn set(visit: &Visit, session: &BrowserSession, uri: Option<Value>) -> Result<()> {
    let change = visit.app.accounts.profiles.set(&session.user, &session.user.id, "avatar_url", uri).await?;
    visit.app.memberships.follow(change).await;
    Ok(())
}

/// The picture in a file, whatever browser or user say that it is.
async fn picture(mut file: File) -> Result<(Format, Body)> {
    let mut start = BytesMut::new();
    while start.len() < SIGNATURE {
        let Some(piece) = file.next().await else { break };
        start.extend_from_slice(&piece?);
    }
    let no_picture = || Error::invalid_param("Choose a picture: PNG, JPEG, GIF or WebP.");
    let format = Format::of(&start).ok_or_else(no_picture)?;
    let whole = stream::once(async move { Ok(start.freeze()) }).chain(file);
    Ok((format, Body { declared: None, pieces: Box::pin(whole) }))
}

/// A small version of an avatar; none if there is no such picture.
async fn small(visit: &Visit, uri: &MxcUri) -> Result<Option<(String, Bytes)>> {
    let Ok((origin, media_id)) = uri.parts() else { return Ok(None) };
    let wanted = Wanted {
        origin: origin.to_owned(),
        media_id: media_id.to_owned(),
        access: Access::Authenticated,
        patience: std::time::Duration::ZERO,
    };
    let shape = Shape { method: Method::Crop, size: (SIDE, SIDE), is_animated: false };
    let found = match visit.app.media.thumbnail(&wanted, shape).await {
        Ok(found) if found.size <= LARGEST => found,
        Ok(_) | Err(Error::Refused { .. }) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let mut bytes = Vec::new();
    let read = OpenFile::from_std(found.file).read_to_end(&mut bytes).await;
    read.map_err(anyhow::Error::from)?;
    Ok(Some((found.content_type, bytes.into())))
}
