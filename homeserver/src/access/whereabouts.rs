//! From where accounts were used: kept encrypted and for a limited time, so that administrators can be
//! told whom a rule about a network would hit.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId};
use tracing::warn;

use super::networks;
use crate::{
    Result,
    clock::Clock,
    secrets::{self, HASH_LENGTH, Secrets, columns},
    storage::{
        Conn, Storage, devices,
        numbers::UserNid,
        sightings::{self, NewSighting, Sighting},
    },
    tasks::Tasks,
};

/// How often what is old is deleted.
const INTERVAL: Duration = Duration::from_secs(600);
/// Sightings that are read at a time.
const PAGE: u32 = 2000;
/// So many of one network or one user are looked at.
const MOST: u32 = 10_000;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// What is known of where accounts were used; clones share it.
#[derive(Clone, Debug)]
pub struct Whereabouts {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    kept_ms: i64,
}

/// A device that was used from an address.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Whose it is.
    pub user: UserNid,
    /// Whose it is, by name.
    pub user_id: OwnedUserId,
    /// The device.
    pub device_id: OwnedDeviceId,
    /// The address.
    pub address: IpAddr,
    /// When it was first used from there, in ms since the epoch.
    pub first_seen_at: i64,
    /// When it was last used from there.
    pub last_seen_at: i64,
}

impl Whereabouts {
    /// What is known is kept for so many days; with none, nothing is noted.
    pub fn start(storage: Storage, secrets: Secrets, clock: Clock, days: u16, tasks: &Tasks) -> Self {
        let known = Self { storage, secrets, clock, kept_ms: i64::from(days) * DAY_MS };
        tasks.start("old addresses", {
            let known = known.clone();
            move |stop| {
                let known = known.clone();
                async move {
                    loop {
                        if let Err(error) = known.forget_old().await {
                            warn!(%error, "Old addresses could not be deleted");
                        }
                        tokio::select! {
                            () = tokio::time::sleep(INTERVAL) => {}
                            () = stop.cancelled() => return,
                        }
                    }
                }
            }
        });
        known
    }

    /// Whether anything is noted at all.
    pub fn are_kept(&self) -> bool {
        self.kept_ms > 0
    }

    /// Notes that a device was used.
    pub async fn note(
        &self,
        tx: &mut Conn,
        user: UserNid,
        device_id: &DeviceId,
        address: IpAddr,
        at: i64,
    ) -> Result<()> {
        if !self.are_kept() {
            return Ok(());
        }
        let address = networks::normalised(address);
        let address_hash = self.secrets.hash("IP address", &address.to_string());
        let new = NewSighting {
            user,
            device_id,
            address_hash: &address_hash,
            network_hash: &self.neighbourhood(address),
            sealed: &self.secrets.seal(
                &columns::SIGHTING,
                &[&user.0, &device_id, &secrets::hex(&address_hash)],
                address.to_string().as_bytes(),
            ),
            at,
        };
        sightings::upsert(tx, new).await
    }

    /// From where a user came, the latest first.
    pub async fn of_user(&self, user: UserNid) -> Result<Vec<Seen>> {
        self.open(sightings::list_of_user(&mut *self.storage.conn().await?, user, MOST).await?)
    }

    /// Who came from a network.
    pub async fn of_network(&self, network: &IpNet) -> Result<Vec<Seen>> {
        let mut found = Vec::new();
        if networks::is_narrow(network) {
            let hash = self.neighbourhood(network.addr());
            found = self.open(sightings::list_of_network(&mut *self.storage.conn().await?, &hash, MOST).await?)?;
            found.retain(|seen| network.contains(&seen.address));
        } else {
            self.each(|seen| {
                if network.contains(&seen.address) {
                    found.push(seen);
                }
            })
            .await?;
        }
        Ok(found)
    }

    /// Shows all that is known, the sightings of each user together.
    pub async fn each(&self, mut show: impl FnMut(Seen)) -> Result<()> {
        let mut last: Option<Sighting> = None;
        loop {
            let page = sightings::list_all(&mut *self.storage.conn().await?, last.as_ref(), PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            last = page.last().cloned();
            self.open(page)?.into_iter().for_each(&mut show);
            if is_last {
                return Ok(());
            }
        }
    }

    /// Deletes what has been kept for long enough.
    pub async fn forget_old(&self) -> Result<()> {
        let before = self.clock.now_ms() - self.kept_ms;
        let mut conn = self.storage.conn().await?;
        while sightings::delete_old(&mut conn, before).await? > 0 {}
        while devices::forget_last_seen(&mut conn, before).await? > 0 {}
        Ok(())
    }

    fn neighbourhood(&self, address: IpAddr) -> [u8; HASH_LENGTH] {
        self.secrets.hash("network", &networks::neighbourhood(address).to_string())
    }

    fn open(&self, rows: Vec<Sighting>) -> Result<Vec<Seen>> {
        let open = |row: Sighting| {
            let address = {
                let key: [&dyn std::fmt::Display; 3] = [&row.user.0, &row.device_id, &secrets::hex(&row.address_hash)];
                self.secrets.open(&columns::SIGHTING, &key, &row.sealed)?
            };
            let address = std::str::from_utf8(&address).ok().and_then(|address| address.parse().ok());
            Ok(address.map(|address| Seen {
                user: row.user,
                user_id: row.user_id,
                device_id: row.device_id,
                address,
                first_seen_at: row.first_seen_at,
                last_seen_at: row.last_seen_at,
            }))
        };
        rows.into_iter().filter_map(|row| open(row).transpose()).collect()
    }
}
