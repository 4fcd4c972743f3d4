//! All columns that are encrypted: nothing else can be. In the schema they have the comment
//! `sealed`; a test compares.

use std::fmt::{self, Display};

/// An encrypted column.
#[derive(Debug, PartialEq, Eq)]
pub struct SealedColumn {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The primary key, in its order.
    pub key: &'static [Key],
    /// A condition that tells the rows in which it is encrypted, if not in all.
    pub only: Option<&'static str>,
}

/// A column of a primary key, and how it is written where something is bound to its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A number.
    Number(&'static str),
    /// Text.
    Text(&'static str),
    /// Bytes, as lower-case hexadecimal digits.
    Bytes(&'static str),
}

impl Key {
    /// The column.
    pub fn column(self) -> &'static str {
        match self {
            Self::Number(column) | Self::Text(column) | Self::Bytes(column) => column,
        }
    }
}

macro_rules! sealed {
    ($($(#[$doc:meta])* $name:ident = $table:literal, $column:literal, [$($key:expr),*] $(where $only:literal)?;)*) => {
        $(
            $(#[$doc])*
            pub const $name: SealedColumn = SealedColumn {
                table: $table,
                column: $column,
                key: &[$($key),*],
                only: { let only: &[&str] = &[$($only)?]; if only.is_empty() { None } else { Some(only[0]) } },
            };
        )*
        /// All of them.
        pub const ALL: &[SealedColumn] = &[$($name),*];
    };
}

use Key::{Bytes, Number, Text};

sealed! {
    /// The key with which the server signs.
    SIGNING_KEY = "server_settings", "value", [Text("name")] where "name = 'signing_key'";
    /// The address from which a device was last used.
    DEVICE_ADDRESS = "devices", "last_seen_ip", [Number("user_nid"), Text("device_id")];
    /// What the client called itself that a device last used.
    DEVICE_USER_AGENT = "devices", "last_seen_user_agent", [Number("user_nid"), Text("device_id")];
    /// A token with which one may register, for administrators to see.
    REGISTRATION_TOKEN = "registration_tokens", "token", [Bytes("token_hash")];
    /// What a push gateway knows a device by.
    PUSH_KEY = "pushers", "pushkey", [Number("user_nid"), Text("app_id"), Bytes("pushkey_hash")];
    /// Where a push gateway is, and what it is told.
    PUSH_DATA = "pushers", "data", [Number("user_nid"), Text("app_id"), Bytes("pushkey_hash")];
    /// From where something was done that the audit log tells of.
    AUDIT_ORIGIN = "audit_origins", "sealed", [Number("seq")];
    /// The secret of an account's authenticator app.
    TOTP_SECRET = "totp_factors", "secret", [Number("user_nid")];
    /// The same before the app is confirmed.
    PENDING_TOTP_SECRET = "totp_enrolments", "secret", [Number("user_nid")];
    /// The browser of somebody who is signed in to the pages.
    BROWSER_AGENT = "browser_sessions", "agent", [Bytes("session_hash")];
    /// What an identity provider calls somebody.
    IDENTITY = "linked_identities", "about", [Bytes("identity_hash")];
    /// What an identity provider tells of somebody who has no account yet.
    ARRIVAL = "identity_arrivals", "person", [Bytes("arrival_hash")];
    /// The value of an access rule that is nobody's business.
    RULE_VALUE = "access_rules", "sealed", [Text("rule_id")];
    /// From where a device was used, for telling whom a rule would hit.
    SIGHTING = "sightings", "sealed", [Number("user_nid"), Text("device_id"), Bytes("address_hash")];
    /// An e-mail address of a user.
    EMAIL_ADDRESS = "email_addresses", "address", [Bytes("address_hash")];
    /// An e-mail address that somebody wants to prove their own.
    VALIDATED_ADDRESS = "email_validations", "address", [Text("sid")];
    /// Where that person wants to go afterwards.
    NEXT_LINK = "email_validations", "next_link", [Text("sid")];
    /// A message that is to be sent.
    OUTGOING_MAIL = "outgoing_mail", "message", [Text("mail_id")];
}

impl SealedColumn {
    /// What the value in the row with this key is bound to: the column and the key's parts, each
    /// with its length. Bytes are given as [`super::hex`].
    pub fn binding(&self, key: &[&dyn Display]) -> Vec<u8> {
        debug_assert_eq!(key.len(), self.key.len(), "{self} is bound to its whole key");
        let mut binding = Vec::with_capacity(64);
        let parts = key.iter().map(|part| part.to_string());
        for part in std::iter::once(self.to_string()).chain(parts) {
            binding.extend_from_slice(&(part.len() as u64).to_be_bytes());
            binding.extend_from_slice(part.as_bytes());
        }
        binding
    }
}

impl Display for SealedColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.table, self.column)
    }
}
