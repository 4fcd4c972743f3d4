//! What server administrators see of access and do about it. Every change is checked against locking
//! somebody out who could undo it, and recorded in the name of who made it.

mod explain;
mod moderators;
mod preview;
mod queue;
mod record;
mod sessions;

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use ruma::OwnedUserId;

pub use self::{
    explain::{Explanation, Question},
    moderators::RoomRule,
    preview::Preview,
    sessions::{SeenSession, Whose},
};
use crate::{
    Error, Result,
    access::{
        Access,
        feature::Feature,
        guards::{self, Keeper},
        networks,
        rule::{Effect, Kind, Rule, Scope},
        rulebook::Change,
        ruleset::RuleSet,
    },
    accounts::{Accounts, User},
    admission::Admission,
    audit::Audit,
    clock::Clock,
    config,
    devices::Devices,
    rooms::Rooms,
    storage::{Storage, accounts},
};

/// Addresses from which administrators came in this time are kept open, in milliseconds.
const LOOK_BACK_MS: i64 = 7 * 24 * 3600 * 1000;

/// Where rules hold that say who may administrate.
const ADMINISTRATION: Scope = Scope::Feature(Feature::AdminApi);

/// Administrates access; clones share it.
#[derive(Clone, Debug)]
pub struct Oversight {
    storage: Storage,
    clock: Clock,
    access: Access,
    accounts: Accounts,
    devices: Devices,
    rooms: Rooms,
    admission: Admission,
    audit: Audit,
    address_readers: Vec<OwnedUserId>,
    trusted_proxies: Vec<IpNet>,
    own_addresses: Vec<IpAddr>,
}

impl Oversight {
    /// Oversight of `access`. What `config` says about proxies and listeners cannot be kept out.
    pub fn new(
        storage: Storage,
        clock: Clock,
        access: Access,
        accounts: Accounts,
        devices: Devices,
        (rooms, admission, audit): (Rooms, Admission, Audit),
        config: &config::Config,
    ) -> Self {
        let listeners = config.listeners.plain.iter().chain(&config.listeners.tls);
        let own_addresses = listeners.map(|listener| listener.ip()).filter(|ip| !ip.is_unspecified()).collect();
        let proxies = config.http.trusted_proxies.iter().chain(&config.listeners.proxied_from);
        let trusted_proxies = proxies.copied().collect();
        let address_readers = config.access.address_readers.clone();
        Self {
            storage,
            clock,
            access,
            accounts,
            devices,
            rooms,
            admission,
            audit,
            address_readers,
            trusted_proxies,
            own_addresses,
        }
    }

    /// Makes all `changes` in the name of `caller`, or none; with `is_rehearsal`, only tells what would
    /// come of it.
    pub async fn change(&self, caller: &User, changes: &[Change], is_rehearsal: bool) -> Result<Preview> {
        let author = caller.id.as_str();
        let before = self.access.rulebook.current();
        let after = self.access.rulebook.preview(changes, author).await?;
        self.check(caller, changes, &before, &after).await?;
        let comparison = self.compare(changes, &before, &after).await?;
        let live_requests = self.count_live(&comparison).await?;
        if !is_rehearsal {
            self.apply(caller, changes).await?;
        }
        // All accounts are looked at for that: a rule in a hurry does not wait for it.
        let preview = self.count_accounts(&comparison).await?;
        Ok(Preview { live_requests, ..preview })
    }

    /// Makes changes that were checked, and records them.
    async fn apply(&self, caller: &User, changes: &[Change]) -> Result<()> {
        self.access.rulebook.change(changes, caller.id.as_str(), &caller.into()).await
    }

    /// Refuses changes that would lock people out whom nobody wants to.
    async fn check(&self, caller: &User, changes: &[Change], before: &RuleSet, after: &RuleSet) -> Result<()> {
        if self.scopes(changes).await.contains(&ADMINISTRATION) {
            must_be_by_itself(caller)?;
        }
        for change in changes {
            let Change::Put(new) = change else { continue };
            if matches!(new.effect, Effect::Allow | Effect::LogOnly) {
                continue;
            }
            let (proxies, own) = (&self.trusted_proxies, &self.own_addresses);
            match new.kind {
                Kind::Network => guards::check_network(&networks::parse(&new.value)?, proxies, own)?,
                Kind::NamedNetwork => {
                    let names = self.access.rulebook.room_networks();
                    guards::check_named_network(&new.value, proxies, own, |address| names.name(address).to_string())?;
                }
                _ => continue,
            }
            self.access.crowd.check()?;
        }
        let keepers = self.keepers(caller).await?;
        guards::check_keepers(before, after, &keepers, caller.id.as_str(), self.clock.now_ms())
    }

    /// The administrators, and from where they come.
    async fn keepers(&self, caller: &User) -> Result<Vec<Keeper>> {
        let since = self.clock.now_ms() - LOOK_BACK_MS;
        let mut keepers = Vec::new();
        for account in accounts::list_administrators(&mut *self.storage.conn().await?).await? {
            let mut addresses: Vec<IpAddr> =
                caller.address().filter(|_| account.user == caller.nid).into_iter().collect();
            for device in self.devices.list(account.user).await? {
                let is_recent = device.last_seen_ts.is_some_and(|at| i64::from(at.0) >= since);
                let address: Option<IpAddr> = device.last_seen_ip.and_then(|address| address.parse().ok());
                addresses.extend(address.filter(|_| is_recent));
            }
            let emails = self.access.emails.of(account.user).await?;
            keepers.push(Keeper { user: account.user_id, addresses, emails });
        }
        Ok(keepers)
    }

    /// The administrators whose accounts can be used.
    pub async fn staff(&self) -> Result<Vec<OwnedUserId>> {
        let all = accounts::list_administrators(&mut *self.storage.conn().await?).await?;
        Ok(all.into_iter().filter(|account| !account.is_deactivated).map(|account| account.user_id).collect())
    }

    /// A rule, whether or not it is in force.
    pub async fn rule(&self, id: &str) -> Result<Arc<Rule>> {
        self.access.rulebook.find_any(id).await
    }

    fn must_be(&self, caller: &User) -> Result<()> {
        if caller.is_admin { Ok(()) } else { Err(Error::forbidden("Only server administrators can do this.")) }
    }
}

/// Refuses what is only for those who are administrators whoever says so: an application service that
/// vouches for people cannot make them the masters of who administrates.
fn must_be_by_itself(caller: &User) -> Result<()> {
    match caller.is_vouched_for {
        false => Ok(()),
        true => Err(Error::forbidden("Who may administrate is a matter of the server's administrators alone.")),
    }
}
