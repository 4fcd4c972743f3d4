//! Tells whom a change of the rules would hit, before it is made.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use ruma::OwnedUserId;

use super::Oversight;
use crate::{
    Result,
    access::{
        Visitor,
        gates::facts,
        live::Waiting,
        rule::{Effect, Kind, Scope},
        rulebook::Change,
        ruleset::{Facts, Place, RuleSet},
    },
    storage::{accounts, numbers::UserNid},
};

/// So many of those who are hit are named.
const NAMED: usize = 50;
/// Accounts that are read at a time.
const PAGE: u32 = 1000;

/// Whom a change hits: those who may do something now and may not any more.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// How many accounts.
    pub accounts: usize,
    /// Some of them.
    pub users: Vec<OwnedUserId>,
    /// How many requests that are under way would be cut off.
    pub live_requests: usize,
}

impl Oversight {
    /// Compares what accounts may do `before` and `after` the `changes`.
    pub(super) async fn preview(&self, changes: &[Change], before: &RuleSet, after: &RuleSet) -> Result<Preview> {
        let scopes = self.scopes(changes).await;
        let places: Vec<Place<'_>> = scopes.iter().map(Place::from).collect();
        let now_ms = self.clock.now_ms();
        let loses = |facts: &Facts<'_>| {
            let may = |rules: &RuleSet, place| lets_through(rules.decide(place, facts, now_ms).effect());
            places.iter().any(|place| may(before, *place) && !may(after, *place))
        };
        let mut preview = Preview::default();
        let waiting = self.access.live.list();
        let asks_for_emails =
            places.iter().any(|place| before.asks_for_emails(*place) || after.asks_for_emails(*place));
        if asks_for_emails {
            self.access.emails.remember(waiting.iter().filter_map(|waiting| Some(waiting.user.as_ref()?.1))).await?;
        }
        let emails_of =
            |user: Option<UserNid>| user.filter(|_| asks_for_emails).map(|user| self.access.emails.remembered(user));
        for Waiting { user, address } in &waiting {
            let user = user.as_ref().map(|(id, nid)| (&**id, *nid));
            let emails = emails_of(user.map(|(_, nid)| nid)).unwrap_or_default();
            preview.live_requests += usize::from(loses(&facts(&Visitor { user, address: *address }, &emails)));
        }
        let seen = self.seen(changes).await?;
        let mut after_localpart = String::new();
        loop {
            let page = accounts::list_ids(&mut *self.storage.conn().await?, &after_localpart, PAGE).await?;
            if asks_for_emails {
                self.access.emails.remember(page.iter().map(|(user, _)| *user)).await?;
            }
            for (user, user_id) in &page {
                let emails = emails_of(Some(*user)).unwrap_or_default();
                let mut addresses = seen.get(user).into_iter().flatten().copied().map(Some).chain([None]);
                if addresses.any(|address| loses(&facts(&Visitor { user: Some((user_id, *user)), address }, &emails))) {
                    preview.add(user_id);
                }
            }
            match page.last() {
                Some((_, last)) if page.len() == PAGE as usize => after_localpart = last.localpart().to_owned(),
                _ => return Ok(preview),
            }
        }
    }

    /// From where users came, if that matters.
    async fn seen(&self, changes: &[Change]) -> Result<HashMap<UserNid, HashSet<IpAddr>>> {
        let mut seen: HashMap<UserNid, HashSet<IpAddr>> = HashMap::new();
        let mut is_about_networks = false;
        for change in changes {
            is_about_networks |= match change {
                Change::Put(new) => matches!(new.kind, Kind::Network | Kind::RoomNetwork),
                Change::Revoke(id) => self.access.rulebook.find(id).await.is_some(),
            };
        }
        if is_about_networks {
            self.access.whereabouts.each(|found| seen.entry(found.user).or_default().extend([found.address])).await?;
        }
        Ok(seen)
    }

    /// Where something changes.
    async fn scopes(&self, changes: &[Change]) -> Vec<Scope> {
        let mut scopes: Vec<Scope> = Vec::new();
        for change in changes {
            let present = self.access.rulebook.find(change.id()).await.map(|rule| rule.scope.clone());
            let wanted = match change {
                Change::Put(new) => Some(new.scope.clone()),
                Change::Revoke(_) => None,
            };
            for scope in present.into_iter().chain(wanted) {
                if !scopes.contains(&scope) {
                    scopes.push(scope);
                }
            }
        }
        scopes
    }
}

impl Preview {
    fn add(&mut self, user: &OwnedUserId) {
        self.accounts += 1;
        if self.users.len() < NAMED {
            self.users.push(user.clone());
        }
    }
}

/// Whether an effect lets people through, if not as often as they like.
fn lets_through(effect: Effect) -> bool {
    matches!(effect, Effect::Allow | Effect::LogOnly | Effect::RateLimit { .. })
}
