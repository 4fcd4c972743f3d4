//! The cookies of the pages: a name for the browser, and its session.

use http::{HeaderMap, header};

use crate::{App, secrets};

/// The cookie with the session's token.
const SESSION: &str = "salon-session";
/// The cookie with a random name for the browser, to which forms are bound.
const VISITOR: &str = "salon-visitor";

/// What a browser has brought.
#[derive(Clone, Debug)]
pub struct Jar {
    /// The browser's name.
    pub visitor: String,
    /// The token of its session.
    pub session: Option<String>,
    is_new: bool,
    is_secure: bool,
}

impl Jar {
    /// Reads the cookies of a request; a browser without a name gets one.
    pub fn of(app: &App, headers: &HeaderMap) -> Self {
        let is_secure = is_secure(app, headers);
        let visitor = find(headers, &full_name(VISITOR, is_secure));
        Self {
            is_new: visitor.is_none(),
            visitor: visitor.unwrap_or_else(|| secrets::token("")),
            session: find(headers, &full_name(SESSION, is_secure)),
            is_secure,
        }
    }

    /// The values of `Set-Cookie`; `session` is the token from now on, where it changes.
    pub fn changes(&self, session: Option<&Option<String>>) -> Vec<String> {
        let visitor = self.is_new.then(|| self.cookie(VISITOR, Some(&self.visitor)));
        let session = session.map(|token| self.cookie(SESSION, token.as_deref()));
        visitor.into_iter().chain(session).collect()
    }

    /// A cookie that scripts do not see and that other sites cannot send with their forms.
    fn cookie(&self, name: &str, value: Option<&str>) -> String {
        let name = full_name(name, self.is_secure);
        let secure = if self.is_secure { "; Secure" } else { "" };
        let end = if value.is_none() { "; Max-Age=0" } else { "" };
        let value = value.unwrap_or_default();
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{end}")
    }
}

/// The prefix makes browsers refuse the cookie unless it comes by HTTPS and for this host alone.
fn full_name(name: &str, is_secure: bool) -> String {
    if is_secure { format!("__Host-{name}") } else { name.to_owned() }
}

/// Whether cookies are for HTTPS only: always, but for a server that is tried out on one's own machine.
fn is_secure(app: &App, headers: &HeaderMap) -> bool {
    if let Some(url) = &app.config.discovery.client_url
        && url.scheme() == "https"
    {
        return true;
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    !matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

fn find(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(of, _)| *of == name).map(|(_, value)| value.to_owned()).filter(|value| !value.is_empty())
}
