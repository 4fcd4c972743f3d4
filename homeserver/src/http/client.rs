//! The client-server API: one line per endpoint, in the specification's order.

mod account;
mod server;

use super::endpoint::{Route, endpoint};

/// All endpoints of the client-server API.
pub fn routes() -> Vec<Route> {
    vec![endpoint(server::versions), endpoint(account::register), endpoint(account::whoami)]
}
