//! Where somebody goes after signing in: a page of this server, nothing else.

use std::fmt;

/// A path of this server, with its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next(String);

/// What begins with one of these is a page that may need somebody to be signed in.
const PAGES: [&str; 6] =
    ["/account", "/sso?", "/oauth2/authorize?", "/device", "/_matrix/client/", "/_matrix/static/client/login/"];
/// Most bytes; longer ones do not pass through every browser and proxy.
const LONGEST: usize = 8192;

impl Next {
    /// The page that a form or a query names, if it is one of this server.
    pub fn parse(text: &str) -> Option<Self> {
        // Browsers drop control characters and take a backslash for a slash, so that what looks like
        // a path could name another server.
        let is_plain = text.bytes().all(|byte| byte > b' ' && byte != b'\\' && byte != 0x7f);
        let is_page = PAGES.iter().any(|page| text.starts_with(page));
        (is_plain && is_page && text.len() <= LONGEST).then(|| Self(text.to_owned()))
    }

    /// The same, or the account page.
    pub fn parse_or_account(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self("/account".to_owned()))
    }

    /// The path with its query.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_server_are_taken() {
        for page in ["/account", "/account/devices?device_id=A", "/sso?redirectUrl=https%3A%2F%2Fapp.test%2F"] {
            assert_eq!(Next::parse(page).expect("it is a page").as_str(), page);
        }
    }

    #[test]
    fn nothing_leads_elsewhere() {
        let elsewhere = [
            "",
            "https://evil.test/",
            "//evil.test/account",
            "/\\evil.test",
            "/\t/evil.test",
            "\\\\evil.test",
            "javascript:alert(1)",
            "/account\r\nSet-Cookie: a=b",
            "/login?next=//evil.test",
            "account",
            "/sso/../x",
        ];
        for text in elsewhere {
            assert_eq!(Next::parse(text), None, "{text:?}");
        }
        assert_eq!(Next::parse_or_account("https://evil.test/").as_str(), "/account");
    }
}
