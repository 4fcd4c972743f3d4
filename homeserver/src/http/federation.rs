//! The server-server API: one line per endpoint, in the specification's order.

mod openid;

use super::endpoint::{Route, endpoint};

/// All endpoints of the server-server API.
pub fn routes() -> Vec<Route> {
    vec![endpoint(openid::userinfo)]
}
