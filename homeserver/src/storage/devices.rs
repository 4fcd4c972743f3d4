//! Devices of local users, with everything that lives and dies with a device.

use ruma::{DeviceId, OwnedDeviceId};

use super::{
    Conn,
    codec::{DeviceIdColumn, Text},
    keys,
    numbers::UserNid,
    oauth, personal_tokens, pushers, session_origins, tokens,
};
use crate::Result;

/// A device.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `devices`")]
pub struct Device {
    pub device_id: OwnedDeviceId,
    pub display_name: Option<String>,
    pub last_seen_at: Option<i64>,
    /// Encrypted.
    pub last_seen_ip: Option<Vec<u8>>,
    /// Encrypted.
    pub last_seen_user_agent: Option<Vec<u8>>,
}

struct DeviceRow {
    device_id: DeviceIdColumn,
    display_name: Option<Text>,
    last_seen_at: Option<i64>,
    last_seen_ip: Option<Vec<u8>>,
    last_seen_user_agent: Option<Vec<u8>>,
}

impl From<DeviceRow> for Device {
    fn from(row: DeviceRow) -> Self {
        Self {
            device_id: row.device_id.0,
            display_name: row.display_name.map(|name| name.0),
            last_seen_at: row.last_seen_at,
            last_seen_ip: row.last_seen_ip,
            last_seen_user_agent: row.last_seen_user_agent,
        }
    }
}

/// Lists the devices of a user.
pub async fn list(conn: &mut Conn, user: UserNid) -> Result<Vec<Device>> {
    let rows = sqlx::query_as!(
        DeviceRow,
        "select device_id as `device_id: DeviceIdColumn`, display_name as `display_name: Text`, last_seen_at,
                last_seen_ip, last_seen_user_agent
         from devices
         where user_nid = ?
         order by created_at, device_id",
        user
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Device::from).collect())
}

/// Lists the IDs of a user's devices.
pub async fn list_ids(conn: &mut Conn, user: UserNid) -> Result<Vec<OwnedDeviceId>> {
    let rows = sqlx::query_scalar!(
        "select device_id as `device_id: DeviceIdColumn` from devices where user_nid = ? order by device_id",
        user
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|device| device.0).collect())
}

/// Finds a device of a user.
pub async fn find(conn: &mut Conn, user: UserNid, device_id: &DeviceId) -> Result<Option<Device>> {
    let row = sqlx::query_as!(
        DeviceRow,
        "select device_id as `device_id: DeviceIdColumn`, display_name as `display_name: Text`, last_seen_at,
                last_seen_ip, last_seen_user_agent
         from devices
         where user_nid = ? and device_id = ?",
        user,
        device_id.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Device::from))
}

/// Inserts a device, or leaves it with its present name.
pub async fn insert(
    conn: &mut Conn,
    user: UserNid,
    device_id: &DeviceId,
    display_name: Option<&str>,
    now_ms: i64,
) -> Result<()> {
    sqlx::query!(
        "insert into devices (user_nid, device_id, display_name, created_at) values (?, ?, ?, ?)
         on duplicate key update created_at = created_at",
        user,
        device_id.as_str(),
        display_name,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Renames a device.
pub async fn update_name(conn: &mut Conn, user: UserNid, device_id: &DeviceId, display_name: &str) -> Result<()> {
    sqlx::query!(
        "update devices set display_name = ? where user_nid = ? and device_id = ?",
        display_name,
        user,
        device_id.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// When and from where (encrypted) a device was used.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `devices`")]
pub struct Sighting {
    pub at: i64,
    pub address: Option<Vec<u8>>,
    pub user_agent: Option<Vec<u8>>,
}

/// Notes when and from where a device was used, unless a use was noted less than `rest_ms` before.
pub async fn update_last_seen(
    conn: &mut Conn,
    user: UserNid,
    device_id: &DeviceId,
    sighting: &Sighting,
    rest_ms: i64,
) -> Result<()> {
    sqlx::query!(
        "update devices
         set last_seen_at = ?, last_seen_ip = ?, last_seen_user_agent = ?
         where user_nid = ? and device_id = ? and (last_seen_at is null or last_seen_at <= ?)",
        sighting.at,
        sighting.address,
        sighting.user_agent,
        user,
        device_id.as_str(),
        sighting.at - rest_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets from where devices were used that were not used since `before`; returns of how many.
pub async fn forget_last_seen(conn: &mut Conn, before: i64) -> Result<u64> {
    let done = sqlx::query!(
        "update devices
         set last_seen_ip = null, last_seen_user_agent = null
         where last_seen_at < ? and (last_seen_ip is not null or last_seen_user_agent is not null)
         limit 1000",
        before
    );
    Ok(done.execute(conn).await?.rows_affected())
}

/// Deletes a device with everything that belongs to it.
pub async fn delete(conn: &mut Conn, user: UserNid, device_id: &DeviceId) -> Result<()> {
    tokens::delete_of_device(conn, user, device_id).await?;
    keys::delete_device_keys(conn, user, device_id).await?;
    pushers::delete_of_device(conn, user, device_id).await?;
    personal_tokens::delete(conn, user, device_id).await?;
    session_origins::delete(conn, user, device_id).await?;
    oauth::sessions::delete(conn, user, device_id).await?;
    sqlx::query!("delete from devices where user_nid = ? and device_id = ?", user, device_id.as_str())
        .execute(conn)
        .await?;
    Ok(())
}
