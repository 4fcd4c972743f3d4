//! What the owners of accounts are told of.

use crate::mail::Text;

/// Something that the owner of an account should know.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'a> {
    /// Somebody signed in on a new device.
    NewSignIn {
        /// The device's name, or what the client calls itself.
        device: &'a str,
        /// From where.
        address: &'a str,
    },
    /// The password was changed.
    PasswordChanged,
    /// This e-mail address was added.
    EmailAdded(&'a str),
    /// This e-mail address was removed.
    EmailRemoved(&'a str),
    /// An account at this identity provider was linked.
    IdentityLinked(&'a str),
    /// An account at this identity provider was unlinked.
    IdentityUnlinked(&'a str),
    /// A second factor was set up.
    FactorAdded,
    /// The second factor was turned off or taken away.
    FactorRemoved,
    /// There are new recovery codes.
    RecoveryCodesCreated,
    /// A recovery code was used; so many are left, in digits.
    RecoveryCodeUsed(&'a str),
    /// No code is accepted for a while.
    FactorLocked,
}

impl<'a> Notice<'a> {
    pub(super) fn text(self, user: &'a str, at: i64) -> Text<'a> {
        match self {
            Self::NewSignIn { device, address } => Text::NewSignIn { user, device, address, at },
            Self::PasswordChanged => Text::PasswordChanged { user, at },
            Self::EmailAdded(address) => Text::EmailAdded { user, address, at },
            Self::EmailRemoved(address) => Text::EmailRemoved { user, address, at },
            Self::IdentityLinked(provider) => Text::IdentityLinked { user, provider, at },
            Self::IdentityUnlinked(provider) => Text::IdentityUnlinked { user, provider, at },
            Self::FactorAdded => Text::FactorAdded { user, at },
            Self::FactorRemoved => Text::FactorRemoved { user, at },
            Self::RecoveryCodesCreated => Text::RecoveryCodesCreated { user, at },
            Self::RecoveryCodeUsed(left) => Text::RecoveryCodeUsed { user, left, at },
            Self::FactorLocked => Text::FactorLocked { user, at },
        }
    }
}
