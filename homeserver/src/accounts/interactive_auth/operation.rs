//! The operations that a client has to prove its user's will for.

use ruma::{DeviceId, OwnedDeviceId};
use serde_json::{Value, json};

use crate::secrets::Secrets;

/// Something far-reaching, with all that makes it what it is: a proof for one is none for another.
#[derive(Clone, Copy)]
pub enum Operation<'a> {
    /// Creating an account. Clients may change its name and password between the stages.
    Register,
    /// Changing the password.
    ChangePassword {
        /// The new password.
        new_password: &'a str,
        /// Whether the other sessions are ended.
        logout_devices: bool,
    },
    /// Deactivating the account.
    Deactivate {
        /// Whether its messages are to be hidden from new readers.
        is_erased: bool,
    },
    /// Deleting one device.
    DeleteDevice(&'a DeviceId),
    /// Deleting several devices.
    DeleteDevices(&'a [OwnedDeviceId]),
    /// Replacing the cross-signing keys: the whole request body, as it came.
    UploadCrossSigningKeys(&'a [u8]),
    /// Adding an e-mail address to the account.
    AddEmail(&'a str),
    /// Issuing a token with which another client logs in.
    IssueLoginToken,
}

impl Operation<'_> {
    /// A keyed hash of the operation.
    pub(super) fn hash(&self, secrets: &Secrets) -> [u8; 32] {
        let description = match self {
            Self::Register => json!(["register"]),
            Self::ChangePassword { new_password, logout_devices } => {
                json!(["change password", new_password, logout_devices])
            }
            Self::Deactivate { is_erased } => json!(["deactivate", is_erased]),
            Self::DeleteDevice(device_id) => json!(["delete device", device_id]),
            Self::DeleteDevices(device_ids) => json!(["delete devices", device_ids]),
            Self::UploadCrossSigningKeys(body) => json!(["upload cross-signing keys", without_auth(body)]),
            Self::AddEmail(address) => json!(["add e-mail address", address]),
            Self::IssueLoginToken => json!(["issue login token"]),
        };
        secrets.hash("interactive auth operation", &description.to_string())
    }
}

/// The request without the part that changes from stage to stage.
fn without_auth(body: &[u8]) -> Value {
    let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(members) = body.as_object_mut() {
        members.remove("auth");
    }
    body
}
