//! Reads the keys by which devices and users are known, and the signatures on them.

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};
use sqlx::AssertSqlSafe;

use crate::{
    Result,
    storage::{
        Conn, bulk,
        codec::{DeviceIdColumn, Text, UserIdColumn},
        numbers::UserNid,
    },
};

/// What a cross-signing key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CrossSigningKind {
    /// Is the user's identity and signs the other two.
    Master = 1,
    /// Signs the user's own devices.
    SelfSigning = 2,
    /// Signs the master keys of other users.
    UserSigning = 3,
}

fn cross_signing_kind(column: i8) -> CrossSigningKind {
    match column {
        1 => CrossSigningKind::Master,
        2 => CrossSigningKind::SelfSigning,
        _ => CrossSigningKind::UserSigning,
    }
}

/// The identity keys of a device, and the name it has.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are columns of `device_keys` and `devices`")]
pub struct DeviceKeys {
    pub user: UserNid,
    pub device_id: OwnedDeviceId,
    pub display_name: Option<String>,
    pub json: String,
}

/// A cross-signing key.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are columns of `cross_signing_keys`")]
pub struct CrossSigningKey {
    pub user: UserNid,
    pub kind: CrossSigningKind,
    pub public_key: String,
    pub json: String,
}

/// A signature on a key.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `key_signatures`")]
pub struct KeySignature {
    pub target: UserNid,
    pub target_key: String,
    pub signer: OwnedUserId,
    pub signer_key: String,
    pub signature: String,
}

/// The numbers of those among `user_ids` who have a local account.
pub async fn list_local_users(conn: &mut Conn, user_ids: &[&UserId]) -> Result<Vec<(OwnedUserId, UserNid)>> {
    let mut found = Vec::new();
    for list in bulk::lists(user_ids) {
        let sql = format!(
            "select users.user_id, users.user_nid from users
             join accounts on accounts.user_nid = users.user_nid
             where users.user_id in ({})",
            bulk::marks(list.len())
        );
        let mut query = sqlx::query_as::<_, (UserIdColumn, UserNid)>(AssertSqlSafe(sql));
        for user_id in list {
            query = query.bind(user_id.as_str());
        }
        found.extend(query.fetch_all(&mut *conn).await?.into_iter().map(|(id, nid)| (id.0, nid)));
    }
    Ok(found)
}

/// The identity keys of all devices of `users`.
pub async fn list_device_keys(conn: &mut Conn, users: &[UserNid]) -> Result<Vec<DeviceKeys>> {
    type Row = (UserNid, DeviceIdColumn, Option<Text>, Text);
    let mut found = Vec::new();
    for list in bulk::lists(users) {
        let sql = format!(
            "select device_keys.user_nid, device_keys.device_id, devices.display_name, device_keys.json
             from device_keys
             left join devices
                 on devices.user_nid = device_keys.user_nid and devices.device_id = device_keys.device_id
             where device_keys.user_nid in ({})",
            bulk::marks(list.len())
        );
        let mut query = sqlx::query_as::<_, Row>(AssertSqlSafe(sql));
        for user in list {
            query = query.bind(user);
        }
        let rows = query.fetch_all(&mut *conn).await?;
        found.extend(rows.into_iter().map(|(user, device_id, name, json)| DeviceKeys {
            user,
            device_id: device_id.0,
            display_name: name.map(|name| name.0),
            json: json.0,
        }));
    }
    Ok(found)
}

/// Finds the identity keys of one device.
pub async fn find_device_keys(conn: &mut Conn, user: UserNid, device_id: &DeviceId) -> Result<Option<String>> {
    let found = sqlx::query_scalar!(
        "select json as `json: Text` from device_keys where user_nid = ? and device_id = ?",
        user,
        device_id.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(|json| json.0))
}

/// The cross-signing keys of `users`.
pub async fn list_cross_signing_keys(conn: &mut Conn, users: &[UserNid]) -> Result<Vec<CrossSigningKey>> {
    let mut found = Vec::new();
    for list in bulk::lists(users) {
        let sql = format!(
            "select user_nid, kind, public_key, json from cross_signing_keys where user_nid in ({})",
            bulk::marks(list.len())
        );
        let mut query = sqlx::query_as::<_, (UserNid, i8, Text, Text)>(AssertSqlSafe(sql));
        for user in list {
            query = query.bind(user);
        }
        let rows = query.fetch_all(&mut *conn).await?;
        found.extend(rows.into_iter().map(|(user, kind, public_key, json)| CrossSigningKey {
            user,
            kind: cross_signing_kind(kind),
            public_key: public_key.0,
            json: json.0,
        }));
    }
    Ok(found)
}

/// The signatures on keys of `targets` that `asker` may see: those that the targets made
/// themselves, and the asker's own.
pub async fn list_signatures(
    conn: &mut Conn,
    targets: &[UserNid],
    asker: Option<UserNid>,
) -> Result<Vec<KeySignature>> {
    type Row = (UserNid, Text, UserIdColumn, Text, Text);
    let mut found = Vec::new();
    for list in bulk::lists(targets) {
        let sql = format!(
            "select target_nid, target_key, users.user_id, signer_key, signature
             from key_signatures
             join users on users.user_nid = signer_nid
             where target_nid in ({}) and (signer_nid = target_nid or signer_nid = ?)",
            bulk::marks(list.len())
        );
        let mut query = sqlx::query_as::<_, Row>(AssertSqlSafe(sql));
        for user in list {
            query = query.bind(user);
        }
        let rows = query.bind(asker).fetch_all(&mut *conn).await?;
        found.extend(rows.into_iter().map(|(target, target_key, signer, signer_key, signature)| KeySignature {
            target,
            target_key: target_key.0,
            signer: signer.0,
            signer_key: signer_key.0,
            signature: signature.0,
        }));
    }
    Ok(found)
}

/// Whether one of the user's cross-signing keys is called like this device: such a device must not
/// come to be, because signatures name either in the same way.
pub async fn is_cross_signing_key(conn: &mut Conn, user: UserNid, device_id: &DeviceId) -> Result<bool> {
    let found = sqlx::query_scalar!(
        "select kind from cross_signing_keys where user_nid = ? and public_key = ?",
        user,
        device_id.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Whether the user has a device that is called like this public key.
pub async fn is_device_id(conn: &mut Conn, user: UserNid, public_key: &str) -> Result<bool> {
    let found =
        sqlx::query_scalar!("select created_at from devices where user_nid = ? and device_id = ?", user, public_key)
            .fetch_optional(conn)
            .await?;
    Ok(found.is_some())
}
