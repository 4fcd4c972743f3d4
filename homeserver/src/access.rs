//! What is allowed to whom before it is looked at any closer: rules, rate limits, and the requests that
//! a new rule cuts off.

pub mod account_emails;
pub mod approvals;
pub mod crowd;
pub mod email;
pub mod feature;
mod follow;
pub mod gates;
pub mod glob;
pub mod guards;
pub mod live;
pub mod networks;
pub mod rate_limits;
pub mod room_networks;
pub mod rule;
pub mod rulebook;
pub mod ruleset;
pub mod whereabouts;

use std::net::IpAddr;

use ruma::UserId;

use self::{
    account_emails::AccountEmails, approvals::Approvals, crowd::Crowd, gates::Gates, live::Live,
    rate_limits::RateLimits, rulebook::Rulebook, whereabouts::Whereabouts,
};
use crate::{
    Result,
    audit::Audit,
    clock::Clock,
    config,
    secrets::Secrets,
    storage::{Storage, numbers::UserNid},
    tasks::Tasks,
};

/// The gates that every request passes; clones share them.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each service is described where it is defined")]
pub struct Access {
    /// How often somebody may do something.
    pub rate_limits: RateLimits,
    pub rulebook: Rulebook,
    pub gates: Gates,
    pub live: Live,
    pub approvals: Approvals,
    pub emails: AccountEmails,
    pub crowd: Crowd,
    pub whereabouts: Whereabouts,
}

/// Somebody who wants something.
#[derive(Clone, Copy, Debug, Default)]
pub struct Visitor<'a> {
    /// Who, if they have said and proved so.
    pub user: Option<(&'a UserId, UserNid)>,
    /// Where from; none for what the server does by itself.
    pub address: Option<IpAddr>,
}

impl Access {
    /// Gates as configured, with the rules that are in the database; they are followed from now on.
    pub async fn start(
        limits: &config::RateLimits,
        rules: &config::Access,
        storage: Storage,
        secrets: Secrets,
        audit: Audit,
        clock: Clock,
        tasks: &Tasks,
    ) -> Result<Self> {
        let rulebook = Rulebook::load(storage.clone(), secrets.clone(), audit.clone(), clock.clone()).await?;
        let days = rules.address_retention_days;
        let whereabouts = Whereabouts::start(storage.clone(), secrets.clone(), clock.clone(), days, tasks);
        let emails = AccountEmails::new(storage.clone(), secrets, clock.clone());
        let approvals = Approvals::new(storage, clock.clone());
        let gates = Gates::new(rulebook.clone(), approvals.clone(), emails.clone(), audit, clock.clone());
        let live = Live::new(gates.clone());
        follow::start(rulebook.clone(), live.clone(), clock.clone(), tasks);
        Ok(Self {
            rate_limits: RateLimits::new(limits, clock),
            rulebook,
            gates,
            live,
            approvals,
            emails,
            crowd: Crowd::default(),
            whereabouts,
        })
    }
}
