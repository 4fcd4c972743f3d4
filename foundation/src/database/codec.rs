//! Identifiers to columns and back. Identifiers stand in `varbinary` columns, because text
//! collations ignore trailing spaces.

use ruma::{OwnedDeviceId, OwnedEventId, OwnedRoomAliasId, OwnedRoomId, OwnedServerName, OwnedUserId};
use sqlx::{
    Decode, MySql, Type,
    error::BoxDynError,
    mysql::{MySqlTypeInfo, MySqlValueRef},
};

/// A `varbinary` column that holds UTF-8: read it as ``column as `column: Text` ``.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(pub String);

impl Type<MySql> for Text {
    fn type_info() -> MySqlTypeInfo {
        <[u8] as Type<MySql>>::type_info()
    }

    fn compatible(found: &MySqlTypeInfo) -> bool {
        <[u8] as Type<MySql>>::compatible(found) || <str as Type<MySql>>::compatible(found)
    }
}

impl<'r> Decode<'r, MySql> for Text {
    fn decode(value: MySqlValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(std::str::from_utf8(<&[u8] as Decode<MySql>>::decode(value)?)?.to_owned()))
    }
}

macro_rules! identifier_columns {
    ($($(#[$doc:meta])* $name:ident($identifier:ty);)*) => {
        $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub $identifier);

        impl Type<MySql> for $name {
            fn type_info() -> MySqlTypeInfo {
                Text::type_info()
            }

            fn compatible(found: &MySqlTypeInfo) -> bool {
                Text::compatible(found)
            }
        }

        impl<'r> Decode<'r, MySql> for $name {
            fn decode(value: MySqlValueRef<'r>) -> Result<Self, BoxDynError> {
                let text = std::str::from_utf8(<&[u8] as Decode<MySql>>::decode(value)?)?;
                Ok(Self(<$identifier>::try_from(text)?))
            }
        }

        impl From<$name> for $identifier {
            fn from(column: $name) -> Self {
                column.0
            }
        }
        )*
    };
}

identifier_columns! {
    /// A column of user IDs.
    UserIdColumn(OwnedUserId);
    /// A column of room IDs.
    RoomIdColumn(OwnedRoomId);
    /// A column of event IDs.
    EventIdColumn(OwnedEventId);
    /// A column of room aliases.
    AliasColumn(OwnedRoomAliasId);
    /// A column of server names.
    ServerNameColumn(OwnedServerName);
}

/// A column of device IDs, which may be any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceIdColumn(pub OwnedDeviceId);

impl Type<MySql> for DeviceIdColumn {
    fn type_info() -> MySqlTypeInfo {
        Text::type_info()
    }

    fn compatible(found: &MySqlTypeInfo) -> bool {
        Text::compatible(found)
    }
}

impl<'r> Decode<'r, MySql> for DeviceIdColumn {
    fn decode(value: MySqlValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(std::str::from_utf8(<&[u8] as Decode<MySql>>::decode(value)?)?.into()))
    }
}
