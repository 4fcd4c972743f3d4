//! Why a request did not succeed. Knows nothing of HTTP; `http::error` turns it into an answer.

use std::{borrow::Cow, time::Duration};

pub use ruma::api::error::ErrorKind;
use ruma::api::{client::uiaa::UiaaInfo, error::LimitExceededErrorData};

/// The result of everything that can be refused or can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller may not do this, or asked for something that cannot be. Told to the caller as is.
    #[error("{kind:?}: {message}")]
    Refused {
        /// The specification's error code, with its data.
        kind: ErrorKind,
        /// A sentence a user could read.
        message: Cow<'static, str>,
    },
    /// An access rule is in the way. Told to the caller as is.
    #[error("{:?}: {}", .0.kind, .0.message)]
    Denied(Box<Denial>),
    /// What the server keeps by itself cannot be changed this way. Told to the caller as is.
    #[error("{0}")]
    ServerManaged(Cow<'static, str>),
    /// The caller has to complete further authentication stages first.
    #[error("further authentication is needed")]
    InteractiveAuth(Box<UiaaInfo>),
    /// The caller's user has to allow this on the account page first. What the client is told in full,
    /// because ruma takes the two names of that stage for one.
    #[error("this has to be allowed on the account page")]
    NotAllowedYet(Box<serde_json::Value>),
    /// The name that was asked for is taken, where the specification knows no code for that. Told to
    /// the caller as is.
    #[error("conflict: {0}")]
    Conflict(Cow<'static, str>),
    /// Something this server depends on is away for the moment; trying again later may help.
    #[error("{0} is not available")]
    Unavailable(&'static str, #[source] anyhow::Error),
    /// What a write builds upon has changed since: another process was first, or an earlier write failed.
    /// Nothing was written; prepared anew, it may succeed.
    #[error("what this builds upon has changed")]
    Outrun,
    /// Our fault. The caller learns only that it happened; the cause is logged once, in
    /// `http::error`.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

/// The refusal by an access rule.
#[derive(Clone, Debug)]
pub struct Denial {
    /// The specification's error code.
    pub kind: ErrorKind,
    /// A sentence a user could read.
    pub message: Cow<'static, str>,
    /// The case that the rule belongs to, for asking about it.
    pub case: Option<String>,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        impl Error {
            $($(#[$doc])*
            pub fn $name(message: impl Into<Cow<'static, str>>) -> Self {
                Self::refused(ErrorKind::$kind, message)
            })*
        }
    };
}

refusals! {
    /// The caller lacks the permission.
    forbidden => Forbidden;
    /// The thing asked for does not exist, or the caller may not know that it does.
    not_found => NotFound;
    /// The JSON is well-formed but is not what the endpoint takes.
    bad_json => BadJson;
    /// The body is not JSON at all.
    not_json => NotJson;
    /// A parameter has a value that is not allowed.
    invalid_param => InvalidParam;
    /// A required parameter is missing.
    missing_param => MissingParam;
    /// The server cannot tell more precisely what is wrong.
    unknown => Unknown;
    /// The endpoint or its method does not exist.
    unrecognized => Unrecognized;
    /// The request or the event is larger than allowed.
    too_large => TooLarge;
    /// The request carries no access token.
    missing_token => MissingToken;
    /// The user name is taken.
    user_in_use => UserInUse;
    /// The user name has characters that are not allowed.
    invalid_username => InvalidUsername;
    /// The name of the room or alias is taken.
    room_in_use => RoomInUse;
    /// The state would not be allowed in a new room.
    invalid_room_state => InvalidRoomState;
    /// The room version is not one that this server can make.
    unsupported_room_version => UnsupportedRoomVersion;
    /// The state that the request needs is not given.
    bad_state => BadState;
}

impl Error {
    /// Refuses with any of the specification's error codes.
    pub fn refused(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused { kind, message: message.into() }
    }

    /// Refuses a name that is taken.
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Conflict(message.into())
    }

    /// Refuses a token that is not, or no longer, known.
    pub fn unknown_token(message: impl Into<Cow<'static, str>>, soft_logout: bool) -> Self {
        let mut data = ruma::api::error::UnknownTokenErrorData::new();
        data.soft_logout = soft_logout;
        Self::refused(ErrorKind::UnknownToken(data), message)
    }

    /// Refuses a key or an object whose signature is missing or wrong.
    pub fn invalid_signature(message: impl Into<Cow<'static, str>>) -> Self {
        Self::refused(other_kind("M_INVALID_SIGNATURE"), message)
    }

    /// Refuses because the caller asks too often; it may try again after `wait`.
    pub fn limit_exceeded(wait: Duration) -> Self {
        Self::limit_exceeded_by("Too many requests. Try again later.", wait)
    }

    /// The same with a sentence that says what there was too much of.
    pub fn limit_exceeded_by(message: impl Into<Cow<'static, str>>, wait: Duration) -> Self {
        let mut data = LimitExceededErrorData::new();
        data.retry_after = Some(ruma::api::error::RetryAfter::Delay(wait));
        Self::refused(ErrorKind::LimitExceeded(data), message)
    }

    /// An internal fault that is described by a sentence.
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        let message: Cow<'static, str> = message.into();
        Self::Internal(anyhow::anyhow!(message))
    }

    /// Whether this is a refusal with the error code `M_NOT_FOUND`.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { kind: ErrorKind::NotFound, .. })
    }
}

/// An error code for which ruma has no name.
fn other_kind(errcode: &'static str) -> ErrorKind {
    serde_json::from_value(serde_json::json!({ "errcode": errcode })).expect("every error code is a kind")
}
