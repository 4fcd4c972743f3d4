//! Why an application is refused. RFC 6749 section 5.2, RFC 7591 section 3.2.2, RFC 8628 section 3.5.

use std::borrow::Cow;

use crate::Error;

/// The result of what applications ask for.
pub type Outcome<T> = Result<T, Fault>;

/// Why an application does not get what it asks for.
#[derive(Debug)]
pub enum Fault {
    /// It asks for something wrong.
    Refused {
        /// The registered error code.
        kind: FaultKind,
        /// A sentence for its developers.
        message: Cow<'static, str>,
    },
    /// This server cannot answer at the moment; the application may try again.
    Away(Error),
}

/// The error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the specifications of OAuth describe them")]
pub enum FaultKind {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    UnsupportedResponseType,
    InvalidScope,
    AccessDenied,
    InvalidRedirectUri,
    InvalidClientMetadata,
    AuthorizationPending,
    SlowDown,
    ExpiredToken,
}

impl FaultKind {
    /// The code as it is sent.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
        }
    }
}

impl Fault {
    /// Refuses with a code and a sentence.
    pub fn refused(kind: FaultKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused { kind, message: message.into() }
    }

    /// Refuses a request that is not formed as it should be.
    pub fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::refused(FaultKind::InvalidRequest, message)
    }

    /// Refuses a code or a token.
    pub fn invalid_grant(message: impl Into<Cow<'static, str>>) -> Self {
        Self::refused(FaultKind::InvalidGrant, message)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Away(error)
    }
}
