//! What applications have to know of this server. RFC 8414; client-server API, "Server metadata
//! discovery".

use serde_json::{Value, json};

use super::{
    OAuth,
    clients::{CODE, DEVICE, REFRESH},
};

/// What people can do on the account page when an application sends them there. Those whose names say
/// "session" are of MSC4191, before devices got that name.
pub const ACTIONS: [&str; 9] = [
    "org.matrix.profile",
    "org.matrix.devices_list",
    "org.matrix.device_view",
    "org.matrix.device_delete",
    "org.matrix.account_deactivate",
    "org.matrix.cross_signing_reset",
    "org.matrix.sessions_list",
    "org.matrix.session_view",
    "org.matrix.session_end",
];

impl OAuth {
    /// The metadata, if OAuth is served.
    pub fn metadata(&self, may_register: bool) -> Option<Value> {
        let base = self.base.as_ref()?;
        let mut metadata = json!({
            "issuer": base,
            "authorization_endpoint": format!("{base}oauth2/authorize"),
            "token_endpoint": format!("{base}oauth2/token"),
            "registration_endpoint": format!("{base}oauth2/register"),
            "revocation_endpoint": format!("{base}oauth2/revoke"),
            "device_authorization_endpoint": format!("{base}oauth2/device"),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "fragment"],
            "grant_types_supported": [CODE, REFRESH, DEVICE],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": true,
            "account_management_uri": format!("{base}account"),
            "account_management_actions_supported": ACTIONS,
        });
        if may_register {
            metadata["prompt_values_supported"] = json!(["create"]);
        }
        Some(metadata)
    }

    /// The page where people type the code that a device shows.
    pub fn device_page(&self) -> Option<String> {
        self.base.as_ref().map(|base| format!("{base}device"))
    }
}
