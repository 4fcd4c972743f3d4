//! Why a page is not shown: an error, or another page that comes first.

use super::reply::Reply;
use crate::Error;

/// What comes in place of a page.
#[derive(Debug)]
pub enum Interruption {
    /// It cannot be shown.
    Error(Error),
    /// Something else comes first, such as signing in.
    First(Reply),
}

impl From<Error> for Interruption {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Reply> for Interruption {
    fn from(reply: Reply) -> Self {
        Self::First(reply)
    }
}
