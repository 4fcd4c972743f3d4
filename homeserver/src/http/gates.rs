//! What every endpoint's requests pass after they are authenticated: the access rules, the rate
//! limits, and the refusal of what suspended users may not do.

use http::Method;

use crate::{
    App, Error, Result,
    access::{
        feature::Feature,
        rate_limits::{Action, Subject},
    },
    accounts::User,
    audit::{Actor, Origin},
    error::ErrorKind,
};

/// The gate of one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    /// What a request counts as; none if it is not limited.
    action: Option<Action>,
    /// Whether suspended users are refused.
    is_acting: bool,
    /// What it needs to be allowed to do, where that follows from the path alone.
    feature: Option<Feature>,
    /// Whether sessions can use it that may do nothing else.
    is_logout: bool,
    /// Whether sessions that may only read are let through.
    is_reading: bool,
}

/// Endpoints with limits of their own, and those that suspended users may not use. All others that
/// the specification limits are [`Action::Default`]. Client-server API, "Account suspension".
#[rustfmt::skip]
const ENDPOINTS: [(&str, &str, Option<Action>, bool); 31] = [
    ("POST", "/_matrix/client/v3/login", Some(Action::Login), false),
    ("POST", "/_matrix/client/v1/login/get_token", Some(Action::Login), false),
    // A client that cannot refresh its token takes itself for logged out.
    ("POST", "/_matrix/client/v3/refresh", None, false),
    ("POST", "/_matrix/client/v3/register", Some(Action::Registration), false),
    ("GET", "/_matrix/client/v1/register/m.login.registration_token/validity", Some(Action::Registration), false),
    ("POST", "/_matrix/client/v3/register/email/requestToken", Some(Action::Email), false),
    ("POST", "/_matrix/client/v3/account/password/email/requestToken", Some(Action::Email), false),
    ("POST", "/_matrix/client/v3/account/3pid/email/requestToken", Some(Action::Email), false),
    ("PUT", "/_matrix/client/v3/rooms/{room_id}/send/{event_type}/{txn_id}", Some(Action::Message), true),
    ("POST", "/_matrix/client/v3/rooms/{room_id}/send/{event_type}", Some(Action::Message), true),
    ("PUT", "/_matrix/client/v3/rooms/{room_id}/state/{event_type}/{state_key}", Some(Action::Message), true),
    ("PUT", "/_matrix/client/v3/rooms/{room_id}/redact/{event_id}/{txn_id}", Some(Action::Message), false),
    ("POST", "/_matrix/client/v3/rooms/{room_id}/kick", Some(Action::Message), true),
    ("POST", "/_matrix/client/v3/rooms/{room_id}/ban", Some(Action::Message), true),
    ("POST", "/_matrix/client/v3/rooms/{room_id}/unban", Some(Action::Message), true),
    ("POST", "/_matrix/client/v3/createRoom", Some(Action::RoomCreation), true),
    ("POST", "/_matrix/client/v3/rooms/{room_id}/upgrade", Some(Action::RoomCreation), true),
    ("POST", "/_matrix/client/v3/rooms/{room_id}/join", Some(Action::Join), true),
    ("POST", "/_matrix/client/v3/join/{room_id_or_alias}", Some(Action::Join), true),
    ("POST", "/_matrix/client/v3/knock/{room_id_or_alias}", Some(Action::Join), true),
    ("POST", "/_matrix/client/v3/rooms/{room_id}/invite", Some(Action::Invite), true),
    ("POST", "/_matrix/client/v3/rooms/{room_id}/report/{event_id}", Some(Action::Default), false),
    ("PUT", "/_matrix/client/v3/directory/room/{room_alias}", Some(Action::Default), true),
    ("PUT", "/_matrix/client/v3/directory/list/room/{room_id}", Some(Action::Default), true),
    ("POST", "/_matrix/media/v3/upload", Some(Action::Media), true),
    ("POST", "/_matrix/media/v1/create", Some(Action::Media), true),
    ("PUT", "/_matrix/media/v3/upload/{server_name}/{media_id}", Some(Action::Media), true),
    ("GET", "/_matrix/client/v1/media/preview_url", Some(Action::Media), false),
    ("GET", "/_matrix/media/v3/preview_url", Some(Action::Media), false),
    ("PUT", "/_matrix/client/v3/profile/{user_id}/{field}", Some(Action::Default), true),
    ("DELETE", "/_matrix/client/v3/profile/{user_id}/{field}", Some(Action::Default), true),
];

/// Endpoints of features. What follows from the contents of a request is asked by those who read them.
#[rustfmt::skip]
const FEATURES: [(&str, &str, Feature); 11] = [
    ("PUT", "/_matrix/client/v3/directory/room/{room_alias}", Feature::Publish),
    ("PUT", "/_matrix/client/v3/directory/list/room/{room_id}", Feature::Publish),
    ("POST", "/_matrix/client/v3/account/3pid/add", Feature::AddEmail),
    ("POST", "/_matrix/media/v3/upload", Feature::Upload),
    ("POST", "/_matrix/media/v1/create", Feature::Upload),
    ("PUT", "/_matrix/media/v3/upload/{server_name}/{media_id}", Feature::Upload),
    ("PUT", "/_matrix/client/v3/profile/{user_id}/{field}", Feature::ChangeProfile),
    ("DELETE", "/_matrix/client/v3/profile/{user_id}/{field}", Feature::ChangeProfile),
    ("POST", "/_matrix/client/v3/user_directory/search", Feature::SearchDirectory),
    ("GET", "/_matrix/client/v3/publicRooms", Feature::SearchDirectory),
    ("POST", "/_matrix/client/v3/publicRooms", Feature::SearchDirectory),
];

/// Endpoints besides those of GET that change nothing but what is the session's own.
const READING: [&str; 6] = [
    "/_matrix/client/v3/logout",
    "/_matrix/client/v3/user/{user_id}/filter",
    "/_matrix/client/v3/publicRooms",
    "/_matrix/client/v3/user_directory/search",
    "/_matrix/client/v3/keys/query",
    "/_matrix/client/v3/search",
];

impl Gate {
    /// The gate of an endpoint, known by its method and its stable path.
    pub fn of(method: &Method, path: &str, is_limited: bool) -> Self {
        let named = ENDPOINTS.iter().find(|(of, at, ..)| *of == method.as_str() && *at == path);
        let (action, is_acting) = match named {
            Some((_, _, action, is_acting)) => (*action, *is_acting),
            // Other servers are limited by what is spent on them, not by how often they ask.
            None if path.starts_with("/_matrix/federation/") => (None, false),
            None => (is_limited.then_some(Action::Default), false),
        };
        let feature = FEATURES.iter().find(|(of, at, _)| *of == method.as_str() && *at == path);
        let feature = match feature {
            Some((.., feature)) => Some(*feature),
            None => path.contains("/admin/").then_some(Feature::AdminApi),
        };
        let is_logout = path.ends_with("/logout") || path.ends_with("/logout/all");
        let is_reading = method == Method::GET || (method == Method::POST && READING.contains(&path));
        Self { action, is_acting, feature, is_logout, is_reading }
    }

    /// The same gate for callers who may do things as often as they like.
    #[must_use]
    pub fn without_limit(self) -> Self {
        Self { action: None, ..self }
    }

    /// Lets a request through, or refuses it.
    pub async fn pass(&self, app: &App, user: Option<&User>, origin: &Origin, path_args: &[String]) -> Result<()> {
        let visitor = user.map(User::visitor);
        if let Some(visitor) = visitor.as_ref().filter(|_| !self.is_logout) {
            app.access.gates.server(visitor).await?;
        }
        if let Some(action) = self.action {
            let (action, subject) = match (user, action) {
                (Some(user), _) => (action, Subject::User(user.nid)),
                (None, Action::Default) => (Action::Anonymous, Subject::address(origin.address)),
                (None, _) => (action, Subject::address(origin.address)),
            };
            let pace = user.and_then(User::message_limit).filter(|_| action == Action::Message);
            let taken = match pace {
                Some(limit) => app.access.rate_limits.take_at(action, subject, limit),
                None => app.access.rate_limits.take(action, subject),
            };
            if let Err(refusal) = taken {
                if let Some(what) = guessing(action) {
                    app.audit.record_lock_out(what, user.map_or_else(|| origin.into(), Actor::from));
                }
                return Err(refusal);
            }
        }
        if !self.is_reading && user.is_some_and(|user| user.is_read_only) {
            return Err(Error::forbidden("This access token is for reading only."));
        }
        let is_redaction = || path_args.iter().any(|arg| arg == "m.room.redaction");
        if self.is_acting && user.is_some_and(|user| user.is_suspended) && !is_redaction() {
            let message = "This account is suspended: it can read, but not do this.";
            return Err(Error::refused(ErrorKind::UserSuspended, message));
        }
        if let Some((visitor, feature)) = visitor.as_ref().zip(self.feature) {
            app.access.gates.feature(visitor, feature).await?;
        }
        Ok(())
    }
}

/// What somebody may be guessing at who does this too often.
fn guessing(action: Action) -> Option<&'static str> {
    match action {
        Action::Login => Some("login"),
        Action::Registration => Some("registration"),
        Action::Email => Some("email"),
        _ => None,
    }
}
