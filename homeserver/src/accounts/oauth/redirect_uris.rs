//! To which addresses an application may have its users sent back. Pure rules. Client-server API,
//! "Redirect URI validation".

use url::{Host, Url};

#[cfg(test)]
mod tests;

/// The kind of an application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    /// It is a site.
    #[default]
    Web,
    /// It is installed on a device.
    Native,
}

/// Whether an application of this kind, which is described at `client_uri`, may use `uri`.
/// `is_local_allowed`: also if it is a site that is being developed on one's own machine.
pub(super) fn is_allowed(uri: &str, kind: ApplicationType, client_uri: &Url, is_local_allowed: bool) -> bool {
    let Ok(url) = Url::parse(uri) else { return false };
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    match (url.scheme(), kind) {
        ("https", _) => is_within(&url, client_uri),
        ("http", ApplicationType::Native) => is_loopback(&url) && url.port().is_none() && !uri_has_port(uri),
        ("http", ApplicationType::Web) => is_local_allowed && is_loopback(&url),
        (_, ApplicationType::Native) => is_private_scheme(&url, client_uri),
        _ => false,
    }
}

/// Whether `uri`, from a request, is the `registered` one. On the loopback interface any port will do.
pub(super) fn matches(registered: &str, uri: &str, kind: ApplicationType) -> bool {
    if registered == uri {
        return true;
    }
    let (Ok(one), Ok(mut other)) = (Url::parse(registered), Url::parse(uri)) else { return false };
    let is_portless = kind == ApplicationType::Native && one.scheme() == "http" && is_loopback(&one);
    is_portless && other.set_port(None).is_ok() && one == other
}

/// Whether a browser must be asked by its user to go there: to an app, that is.
pub(super) fn needs_gesture(uri: &str, kind: ApplicationType) -> bool {
    kind == ApplicationType::Native && !uri.starts_with("http://")
}

/// Whether `url` is on the host of `base` or on a host below that.
pub(super) fn is_within(url: &Url, base: &Url) -> bool {
    match (url.host(), base.host()) {
        (Some(Host::Domain(host)), Some(Host::Domain(base))) => {
            host == base || host.strip_suffix(base).is_some_and(|rest| rest.ends_with('.'))
        }
        (host, base) => host == base && host.is_some(),
    }
}

/// Whether `url` is on the machine of whoever follows it.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
        None => false,
    }
}

/// A parsed URL does not tell whether the default port was written out.
fn uri_has_port(uri: &str) -> bool {
    let authority = uri.split("://").nth(1).and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
    authority.rsplit(']').next().is_some_and(|after| after.contains(':'))
}

/// Whether the scheme begins with the application's host in reverse, and no host follows.
fn is_private_scheme(url: &Url, client_uri: &Url) -> bool {
    let Some(Host::Domain(host)) = client_uri.host() else { return false };
    let reversed = host.rsplit('.').collect::<Vec<_>>().join(".");
    let is_ours = url.scheme().strip_prefix(&reversed).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    // A host without a dot would be the prefix of anybody's scheme, and of a browser's own.
    host.contains('.') && is_ours && !url.has_authority()
}
