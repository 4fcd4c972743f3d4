//! Finds out whether clients can be told apart by their addresses. Behind a proxy that nobody has
//! declared they all seem to come from one, and a rule about a network would hit everybody.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use super::networks;
use crate::{Error, Result};

/// So many sessions are looked at, those that were heard of first the latest.
const SESSIONS: usize = 200;
/// Of fewer nothing is concluded.
const FEWEST: usize = 20;
/// So many of a hundred sessions behind one private address are too many.
const TOO_MANY: usize = 90;

/// Where the latest sessions come from; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Crowd(Arc<Mutex<Latest>>);

#[derive(Debug, Default)]
struct Latest {
    order: VecDeque<u64>,
    addresses: HashMap<u64, IpAddr>,
}

impl Crowd {
    /// Takes note of a session, known by a number of its own.
    pub fn note(&self, session: u64, address: IpAddr) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.addresses.insert(session, networks::normalised(address)).is_some() {
            return;
        }
        latest.order.push_back(session);
        if latest.order.len() > SESSIONS
            && let Some(oldest) = latest.order.pop_front()
        {
            latest.addresses.remove(&oldest);
        }
    }

    /// Refuses if clients cannot be told apart.
    pub fn check(&self) -> Result<()> {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for address in latest.addresses.values() {
            *counts.entry(*address).or_default() += 1;
        }
        let all = latest.addresses.len();
        let crowded =
            counts.iter().any(|(address, count)| networks::is_private(*address) && count * 100 > all * TOO_MANY);
        if all >= FEWEST && crowded {
            return Err(Error::forbidden(
                "Nearly all clients seem to come from one private address, which must be a proxy's, so a rule about \
                 networks would hit everybody. Declare the proxy: http.trusted_proxies and http.client_address_header.",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(addresses: impl IntoIterator<Item = String>) -> Crowd {
        let crowd = Crowd::default();
        for (session, address) in addresses.into_iter().enumerate() {
            crowd.note(session as u64, address.parse().expect("an address"));
        }
        crowd
    }

    #[test]
    fn clients_behind_one_private_address_cannot_be_told_apart() {
        assert!(crowd((0..40).map(|_| "10.0.0.1".to_owned())).check().is_err());
        assert!(crowd((0..40).map(|_| "::ffff:10.0.0.1".to_owned())).check().is_err());
    }

    #[test]
    fn others_can() {
        assert!(crowd((0..40).map(|_| "203.0.113.1".to_owned())).check().is_ok(), "a public address is a client's");
        assert!(crowd((0..40).map(|number| format!("10.0.0.{}", number % 4))).check().is_ok());
        assert!(crowd((0..10).map(|_| "10.0.0.1".to_owned())).check().is_ok(), "few are not enough to say");
    }

    #[test]
    fn only_the_latest_sessions_count() {
        let public = (0..300).map(|number| format!("203.0.113.{}", number % 250));
        let private = (0..300).map(|_| "10.0.0.1".to_owned());

        assert!(crowd(public.clone().chain(private.clone())).check().is_err());
        assert!(crowd(private.chain(public)).check().is_ok());
    }
}
