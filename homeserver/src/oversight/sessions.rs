//! Tells from where accounts are used. Addresses are for those who may see them, and each look is
//! recorded; others see a name for the network that tells only what is the same.

use std::net::IpAddr;

use ipnet::IpNet;
use ruma::{OwnedDeviceId, OwnedUserId, UserId};

use super::{Oversight, record::Act};
use crate::{Error, Result, access::whereabouts::Seen, accounts::User};

/// What somebody asks for.
#[derive(Clone, Debug)]
pub enum Whose {
    /// Those of a user.
    User(OwnedUserId),
    /// Those in a network.
    Network(IpNet),
    /// Those in the network that has this name.
    Named(String),
}

/// A device that was used from somewhere.
#[derive(Clone, Debug)]
pub struct SeenSession {
    /// Whose it is.
    pub user_id: OwnedUserId,
    /// The device.
    pub device_id: OwnedDeviceId,
    /// A name for the network.
    pub network: String,
    /// The address, for those who may see it and asked for it.
    pub address: Option<IpAddr>,
    /// When it was first used from there, in ms since the epoch.
    pub first_seen_at: i64,
    /// When it was last used from there.
    pub last_seen_at: i64,
    /// How many of its user's requests are under way from there.
    pub live_requests: usize,
}

impl Oversight {
    /// The devices of `whose` and from where they were used; `reason` is why the addresses are wanted, if
    /// they are.
    pub async fn sessions(&self, caller: &User, whose: &Whose, reason: Option<&str>) -> Result<Vec<SeenSession>> {
        self.must_be(caller)?;
        // To ask about a network is to know addresses in it; to see them is more.
        if let Some(reason) = reason {
            if caller.appservice.is_some() {
                return Err(Error::forbidden("Client addresses are shown to people, not to application services."));
            }
            if !self.address_readers.contains(&caller.id) {
                return Err(Error::forbidden("You may not see client addresses: see access.address_readers."));
            }
            if reason.is_empty() {
                return Err(Error::missing_param("Whoever wants to see addresses says why: `reason` is missing."));
            }
        }
        self.record_look(caller, whose, reason).await?;
        let seen = match whose {
            Whose::User(user_id) => {
                let account = self.accounts.administration.find(user_id).await?;
                self.access.whereabouts.of_user(account.user).await?
            }
            Whose::Network(network) => self.access.whereabouts.of_network(network).await?,
            Whose::Named(name) => {
                let (names, mut found) = (self.access.rulebook.room_networks(), Vec::new());
                self.access
                    .whereabouts
                    .each(|seen| found.extend((*names.name(seen.address) == **name).then_some(seen)))
                    .await?;
                found
            }
        };
        let live = self.access.live.list();
        let session = |seen: Seen| SeenSession {
            network: self.access.rulebook.room_networks().name(seen.address).to_string(),
            address: reason.map(|_| seen.address),
            first_seen_at: seen.first_seen_at,
            last_seen_at: seen.last_seen_at,
            live_requests: live
                .iter()
                .filter(|waiting| {
                    waiting.user.as_ref().is_some_and(|(id, _)| *id == seen.user_id)
                        && waiting.address == Some(seen.address)
                })
                .count(),
            user_id: seen.user_id,
            device_id: seen.device_id,
        };
        Ok(seen.into_iter().map(session).collect())
    }

    async fn record_look(&self, caller: &User, whose: &Whose, reason: Option<&str>) -> Result<()> {
        let target = match whose {
            Whose::User(user_id) => Some(&**user_id),
            Whose::Network(_) | Whose::Named(_) => None,
        };
        let act = if reason.is_some() { Act::AddressesSeen } else { Act::NetworksSeen };
        self.record(caller, act, target, reason).await
    }

    /// The account's user, checked to be one of this server.
    pub(super) async fn local(&self, user_id: &UserId) -> Result<crate::storage::numbers::UserNid> {
        Ok(self.accounts.administration.find(user_id).await?.user)
    }
}
