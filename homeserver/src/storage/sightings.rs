//! From where devices were used.

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId};

use super::{
    Conn,
    codec::{DeviceIdColumn, UserIdColumn},
    numbers::UserNid,
};
use crate::Result;

/// A keyed hash.
type Hash = [u8; 32];

/// A use of a device, to be noted.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `sightings`")]
pub struct NewSighting<'a> {
    pub user: UserNid,
    pub device_id: &'a DeviceId,
    pub address_hash: &'a Hash,
    pub network_hash: &'a Hash,
    /// Encrypted.
    pub sealed: &'a [u8],
    pub at: i64,
}

/// The uses of a device from one address.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `sightings`")]
pub struct Sighting {
    pub user: UserNid,
    pub user_id: OwnedUserId,
    pub device_id: OwnedDeviceId,
    pub address_hash: Vec<u8>,
    /// Encrypted.
    pub sealed: Vec<u8>,
    pub first_seen_at: i64,
    pub last_seen_at: i64,
}

struct Columns {
    user_nid: i64,
    user_id: UserIdColumn,
    device_id: DeviceIdColumn,
    address_hash: Vec<u8>,
    sealed: Vec<u8>,
    first_seen_at: i64,
    last_seen_at: i64,
}

impl From<Columns> for Sighting {
    fn from(row: Columns) -> Self {
        Self {
            user: UserNid(row.user_nid),
            user_id: row.user_id.0,
            device_id: row.device_id.0,
            address_hash: row.address_hash,
            sealed: row.sealed,
            first_seen_at: row.first_seen_at,
            last_seen_at: row.last_seen_at,
        }
    }
}

/// Notes a use of a device.
pub async fn upsert(conn: &mut Conn, new: NewSighting<'_>) -> Result<()> {
    sqlx::query!(
        "insert into sightings (user_nid, device_id, address_hash, network_hash, sealed, first_seen_at, last_seen_at)
         values (?, ?, ?, ?, ?, ?, ?)
         on duplicate key update last_seen_at = greatest(last_seen_at, values(last_seen_at))",
        new.user,
        new.device_id.as_str(),
        new.address_hash.as_slice(),
        new.network_hash.as_slice(),
        new.sealed,
        new.at,
        new.at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists from where a user came, the latest first.
pub async fn list_of_user(conn: &mut Conn, user: UserNid, limit: u32) -> Result<Vec<Sighting>> {
    let rows = sqlx::query_as!(
        Columns,
        "select sightings.user_nid, user_id as `user_id: UserIdColumn`, device_id as `device_id: DeviceIdColumn`,
                address_hash, sealed, first_seen_at, last_seen_at
         from sightings
         join users on users.user_nid = sightings.user_nid
         where sightings.user_nid = ?
         order by last_seen_at desc
         limit ?",
        user,
        limit
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(Sighting::from).collect())
}

/// Lists who came from a /24 or /64 network, the latest first.
pub async fn list_of_network(conn: &mut Conn, network_hash: &Hash, limit: u32) -> Result<Vec<Sighting>> {
    let rows = sqlx::query_as!(
        Columns,
        "select sightings.user_nid, user_id as `user_id: UserIdColumn`, device_id as `device_id: DeviceIdColumn`,
                address_hash, sealed, first_seen_at, last_seen_at
         from sightings
         join users on users.user_nid = sightings.user_nid
         where network_hash = ?
         order by last_seen_at desc
         limit ?",
        network_hash.as_slice(),
        limit
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(Sighting::from).collect())
}

/// Lists at most `limit` sightings in the order of users, devices and addresses, after `last`.
pub async fn list_all(conn: &mut Conn, last: Option<&Sighting>, limit: u32) -> Result<Vec<Sighting>> {
    let user = last.map_or(0, |last| last.user.0);
    let device_id = last.map_or("", |last| last.device_id.as_str());
    let address_hash = last.map(|last| last.address_hash.as_slice()).unwrap_or_default();
    let rows = sqlx::query_as!(
        Columns,
        "select sightings.user_nid, user_id as `user_id: UserIdColumn`, device_id as `device_id: DeviceIdColumn`,
                address_hash, sealed, first_seen_at, last_seen_at
         from sightings
         join users on users.user_nid = sightings.user_nid
         where sightings.user_nid > ?
            or (sightings.user_nid = ? and (device_id > ? or (device_id = ? and address_hash > ?)))
         order by sightings.user_nid, device_id, address_hash
         limit ?",
        user,
        user,
        device_id,
        device_id,
        address_hash,
        limit
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(Sighting::from).collect())
}

/// Deletes what was noted of a user.
pub async fn delete_of_user(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query!("delete from sightings where user_nid = ?", user).execute(&mut *conn).await?;
    sqlx::query!("update devices set last_seen_ip = null where user_nid = ?", user).execute(conn).await?;
    Ok(())
}

/// Deletes some of what was last seen before `before`; returns how many.
pub async fn delete_old(conn: &mut Conn, before: i64) -> Result<u64> {
    let done =
        sqlx::query!("delete from sightings where last_seen_at < ? limit 1000", before).execute(&mut *conn).await?;
    let blanked = sqlx::query!(
        "update devices set last_seen_ip = null where last_seen_at < ? and last_seen_ip is not null limit 1000",
        before
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() + blanked.rows_affected())
}
