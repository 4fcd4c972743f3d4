//! The files that the pages refer to.

use bytes::Bytes;
use http::{Method, header};

use crate::{
    Error,
    http::endpoint::{HttpAnswer, Route, custom},
};

/// The style of all pages.
pub fn style() -> Route {
    custom(Method::GET, &["/assets/pages.css"], |_, _| async {
        file("text/css; charset=utf-8", include_str!("../../../templates/pages.css"))
    })
}

/// The script that ends a user-interactive authentication.
pub fn auth_done() -> Route {
    custom(Method::GET, &["/assets/auth_done.js"], |_, _| async {
        file("text/javascript; charset=utf-8", include_str!("../../../templates/auth_done.js"))
    })
}

/// The script that ends a login by the fallback page.
pub fn login_done() -> Route {
    custom(Method::GET, &["/assets/login_done.js"], |_, _| async {
        file("text/javascript; charset=utf-8", include_str!("../../../templates/login_done.js"))
    })
}

fn file(kind: &'static str, content: &'static str) -> HttpAnswer {
    http::Response::builder()
        .header(header::CONTENT_TYPE, kind)
        .header(header::CACHE_CONTROL, "public, max-age=3600")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(Bytes::from_static(content.as_bytes()))
        .map_err(|fault| Error::internal(fault.to_string()))
}
