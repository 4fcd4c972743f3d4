//! Refuses changes of the rules that would lock out those who could undo them.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use ipnet::IpNet;
use ruma::OwnedUserId;

use super::{
    email::Email,
    feature::Feature,
    networks,
    rule::Effect,
    ruleset::{Facts, Place, RuleSet},
};
use crate::{Error, Result};

/// What somebody needs who has to be able to change the rules back.
const NEEDED: [Place<'static>; 3] = [Place::Server, Place::Login, Place::Feature(Feature::AdminApi)];

/// Where this server always is.
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Somebody who has to keep access.
#[derive(Clone, Debug)]
pub struct Keeper {
    /// Who.
    pub user: OwnedUserId,
    /// From where they come; perhaps not known.
    pub addresses: Vec<IpAddr>,
    /// Their e-mail addresses.
    pub emails: Arc<[Email]>,
}

impl Keeper {
    /// Whether the rules let them do what they need, from every address.
    fn has_access(&self, rules: &RuleSet, now_ms: i64) -> bool {
        let unknown = self.addresses.is_empty().then_some(None);
        let addresses = self.addresses.iter().copied().map(Some).chain(unknown);
        addresses.into_iter().all(|address| {
            let facts = Facts {
                user: Some(self.user.as_str()),
                server: Some(self.user.server_name().as_str()),
                address,
                emails: &self.emails,
                token: None,
            };
            NEEDED.iter().all(|place| {
                let effect = rules.decide(*place, &facts, now_ms).effect();
                matches!(effect, Effect::Allow | Effect::LogOnly | Effect::RateLimit { .. })
            })
        })
    }
}

/// Refuses if somebody among `keepers` who has access would lose it.
pub fn check_keepers(before: &RuleSet, after: &RuleSet, keepers: &[Keeper], caller: &str, now_ms: i64) -> Result<()> {
    let loses = |keeper: &&Keeper| keeper.has_access(before, now_ms) && !keeper.has_access(after, now_ms);
    let lost: HashSet<&str> = keepers.iter().filter(loses).map(|keeper| keeper.user.as_str()).collect();
    if lost.contains(caller) {
        return Err(Error::forbidden("This would lock you out yourself. Make an exception for yourself first."));
    }
    if let Some(keeper) = lost.iter().next() {
        return Err(Error::forbidden(format!(
            "This would lock out the administrator {keeper}. Make an exception first."
        )));
    }
    Ok(())
}

/// Refuses a network that this machine or a trusted proxy is in: requests of others come from there.
pub fn check_network(network: &IpNet, trusted_proxies: &[IpNet], own: &[IpAddr]) -> Result<()> {
    let holds = |address: IpAddr| network.contains(&networks::normalised(address));
    if LOOPBACK.into_iter().chain(own.iter().copied()).any(holds) {
        return Err(Error::forbidden("This network has this server in it."));
    }
    // A wide network of proxies, such as all private addresses, may have clients in it, too.
    if trusted_proxies.iter().any(|proxy| network.contains(&proxy.trunc())) {
        return Err(Error::forbidden("This network has a reverse proxy in it, behind which everybody is."));
    }
    Ok(())
}

/// The same for the one network that is known by a name, which `name` gives to addresses.
pub fn check_named_network(
    value: &str,
    trusted_proxies: &[IpNet],
    own: &[IpAddr],
    name: impl Fn(IpAddr) -> String,
) -> Result<()> {
    let holds = |address: IpAddr| name(address) == value;
    if LOOPBACK.into_iter().chain(own.iter().copied()).any(holds) {
        return Err(Error::forbidden("This network has this server in it."));
    }
    // As above, proxies that are anywhere in a wide network are not meant.
    let is_in_one = |proxy: &&IpNet| networks::customer(proxy.addr()).contains(&proxy.trunc());
    if trusted_proxies.iter().filter(is_in_one).any(|proxy| holds(proxy.addr())) {
        return Err(Error::forbidden("This network has a reverse proxy in it, behind which everybody is."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(network: &str) -> bool {
        let proxies = ["10.0.0.1/32", "192.168.0.0/16"].map(|network| network.parse().expect("a network"));
        let own = ["198.51.100.1".parse().expect("an address")];
        check_network(&networks::parse(network).expect("a network"), &proxies, &own).is_ok()
    }

    #[test]
    fn this_server_and_its_proxies_cannot_be_kept_out() {
        for network in
            ["127.0.0.0/8", "127.0.0.1", "::1/128", "10.0.0.0/8", "10.0.0.1", "192.168.0.0/16", "198.51.100.0/24"]
        {
            assert!(!is_allowed(network), "{network}");
        }
        let is_allowed_by_name = |address: &str| {
            let proxies = ["10.0.0.1/32", "192.168.0.0/16"].map(|network| network.parse().expect("a network"));
            check_named_network(address, &proxies, &[], |address| address.to_string()).is_ok()
        };
        assert!(["127.0.0.1", "::1", "10.0.0.1"].map(is_allowed_by_name) == [false; 3]);
        assert!(["127.0.5.1", "192.168.0.0", "203.0.113.7"].map(is_allowed_by_name) == [true; 3]);
        for network in ["127.0.5.0/24", "10.0.0.2", "192.168.7.0/24", "203.0.113.0/24", "2001:db8::/32"] {
            assert!(is_allowed(network), "{network}");
        }
    }
}
