//! Where a client wants its user back after signing in on the pages of this server.

use url::Url;

use crate::{Error, Result};

#[cfg(test)]
mod tests;

/// What a browser would run or show by itself, in place of handing it to a client.
const FORBIDDEN: [&str; 9] =
    ["javascript", "data", "file", "blob", "vbscript", "about", "filesystem", "view-source", "ws"];
/// The query parameter that carries the login token.
const PARAMETER: &str = "loginToken";
/// Most bytes of the address.
const LONGEST: usize = 2048;

/// The `redirectUrl` of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsoTarget(Url);

impl SsoTarget {
    /// Reads the address, and refuses what is not one of a site or of an app.
    pub fn parse(text: &str) -> Result<Self> {
        let unusable = || Error::invalid_param("This app gave no address to come back to, or one that is not allowed.");
        if text.len() > LONGEST {
            return Err(unusable());
        }
        let url = Url::parse(text).map_err(|_| unusable())?;
        let is_web = matches!(url.scheme(), "http" | "https");
        // A user name would make the address look like that of another site.
        let is_misleading = !url.username().is_empty() || url.password().is_some();
        if FORBIDDEN.contains(&url.scheme()) || is_misleading || (is_web && !url.has_host()) {
            return Err(unusable());
        }
        Ok(Self(url))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is a site, and not an app that the browser has to open.
    pub fn is_site(&self) -> bool {
        matches!(self.0.scheme(), "http" | "https")
    }

    /// What people are told of it: the name of the site with its port, or the app's scheme.
    pub fn shown(&self) -> String {
        match (self.is_site(), self.0.host_str(), self.0.port()) {
            (true, Some(host), Some(port)) => format!("{host}:{port}"),
            (true, Some(host), None) => host.to_owned(),
            _ => format!("{}:", self.0.scheme()),
        }
    }

    /// The address with a login token in its query, in place of any that is there.
    pub fn with_token(&self, token: &str) -> String {
        let mut url = self.0.clone();
        let others: Vec<(String, String)> = self
            .0
            .query_pairs()
            .filter(|(name, _)| name != PARAMETER)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.query_pairs_mut().clear().extend_pairs(others).append_pair(PARAMETER, token);
        url.into()
    }
}
