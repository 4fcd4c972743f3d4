//! Why something that was asked for did not happen.

use std::borrow::Cow;

/// The result of everything that can be refused or can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not allowed, or makes no sense. Told to whoever asked, as is.
    #[error("{message}")]
    Refused {
        /// What kind of refusal it is, for programs.
        refusal: Refusal,
        /// A sentence a user could read.
        message: Cow<'static, str>,
    },
    /// Something this program depends on is away for the moment; trying again later may help.
    #[error("{0} is not available")]
    Unavailable(&'static str, #[source] anyhow::Error),
    /// Our fault. Whoever asked learns only that it happened; the cause is logged once.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

/// What kind of refusal something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The permission is lacking.
    Forbidden,
    /// It does not exist.
    NotFound,
    /// It is not well-formed, or makes no sense.
    Invalid,
    /// It is in the way of what is there already.
    Conflict,
    /// Whoever asks is not known.
    Unauthorized,
    /// There is no such endpoint.
    Unrecognized,
}

impl Error {
    /// The permission is lacking.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::refused(Refusal::Forbidden, message)
    }

    /// It does not exist.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::refused(Refusal::NotFound, message)
    }

    /// It is not well-formed, or makes no sense.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::refused(Refusal::Invalid, message)
    }

    /// Any refusal.
    pub fn refused(refusal: Refusal, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused { refusal, message: message.into() }
    }

    /// Our fault, described by a sentence.
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        let message: Cow<'static, str> = message.into();
        Self::Internal(anyhow::anyhow!(message))
    }

    /// Whether something does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { refusal: Refusal::NotFound, .. })
    }

    /// Whether trying again later may help.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(..))
    }
}
