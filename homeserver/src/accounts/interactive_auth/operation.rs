//! The operations that a client has to prove its user's will for.

use ruma::{DeviceId, OwnedDeviceId};
use serde_json::{Value, json};

use crate::secrets::Secrets;

/// Something far-reaching, with all that makes it what it is: a proof for one is none for another.
#[derive(Clone, Copy)]
pub enum Operation<'a> {
    /// Creating an account. Clients may change its name and password between the stages.
    Register {
        /// The documents that are to be accepted.
        terms: &'a str,
    },
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

/// What an operation is about, as far as people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is described at the operation of its name")]
pub enum Purpose {
    Register,
    ChangePassword,
    Deactivate,
    DeleteDevices,
    UploadCrossSigningKeys,
    AddEmail,
    IssueLoginToken,
}

impl Purpose {
    const ALL: [(Self, &str); 7] = [
        (Self::Register, "register"),
        (Self::ChangePassword, "change password"),
        (Self::Deactivate, "deactivate"),
        (Self::DeleteDevices, "delete devices"),
        (Self::UploadCrossSigningKeys, "upload cross-signing keys"),
        (Self::AddEmail, "add e-mail address"),
        (Self::IssueLoginToken, "issue login token"),
    ];

    /// The name under which it is stored.
    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(purpose, _)| *purpose == self).expect("all are named").1
    }

    /// The purpose of that name.
    pub(super) fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, of)| *of == name).map(|(purpose, _)| *purpose)
    }
}

impl Operation<'_> {
    /// What it is about.
    pub(super) fn purpose(&self) -> Purpose {
        match self {
            Self::Register { .. } => Purpose::Register,
            Self::ChangePassword { .. } => Purpose::ChangePassword,
            Self::Deactivate { .. } => Purpose::Deactivate,
            Self::DeleteDevice(_) | Self::DeleteDevices(_) => Purpose::DeleteDevices,
            Self::UploadCrossSigningKeys(_) => Purpose::UploadCrossSigningKeys,
            Self::AddEmail(_) => Purpose::AddEmail,
            Self::IssueLoginToken => Purpose::IssueLoginToken,
        }
    }

    /// Whether application services need not prove anything for it, because nobody could answer for
    /// their users. Application service API, "Device management" and "Cross-signing"; that they end accounts
    /// too is what they are used to.
    pub(super) fn is_left_to_appservices(self) -> bool {
        use Operation::{Deactivate, DeleteDevice, DeleteDevices, UploadCrossSigningKeys};
        matches!(self, Deactivate { .. } | DeleteDevice(_) | DeleteDevices(_) | UploadCrossSigningKeys(_))
    }

    /// A keyed hash of the operation.
    pub(super) fn hash(&self, secrets: &Secrets) -> [u8; 32] {
        let description = match self {
            Self::Register { terms } => json!(["register", terms]),
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
