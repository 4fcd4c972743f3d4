//! Tells whom a change of the rules hits.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

use ruma::OwnedUserId;

use super::Oversight;
use crate::{
    Result,
    access::{
        Visitor,
        email::Email,
        gates::facts,
        live::Waiting,
        rule::{Effect, Scope},
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

/// The rules before and after a change, and where they differ.
pub(super) struct Comparison<'a> {
    before: &'a RuleSet,
    after: &'a RuleSet,
    scopes: Vec<Scope>,
    is_about_networks: bool,
    now_ms: i64,
}

impl Comparison<'_> {
    /// Whether somebody may do something before the change and not after it.
    fn takes_from(&self, facts: &Facts<'_>) -> bool {
        let may = |rules: &RuleSet, place| lets_through(rules.decide(place, facts, self.now_ms).effect());
        self.scopes.iter().map(Place::from).any(|place| may(self.before, place) && !may(self.after, place))
    }

    fn asks_for_emails(&self) -> bool {
        let mut places = self.scopes.iter().map(Place::from);
        places.any(|place| self.before.asks_for_emails(place) || self.after.asks_for_emails(place))
    }
}

impl Oversight {
    /// What there is to compare. Asked for before the change is made.
    pub(super) async fn compare<'a>(
        &self,
        changes: &[Change],
        before: &'a RuleSet,
        after: &'a RuleSet,
    ) -> Result<Comparison<'a>> {
        let mut is_about_networks = false;
        for change in changes {
            is_about_networks |= match change {
                Change::Put(new) => new.kind.is_about_networks(),
                Change::Revoke(id) => self.access.rulebook.find(id).await.is_some(),
            };
        }
        let (scopes, now_ms) = (self.scopes(changes).await, self.clock.now_ms());
        Ok(Comparison { before, after, scopes, is_about_networks, now_ms })
    }

    /// How many requests that are under way the change would cut off.
    pub(super) async fn count_live(&self, compared: &Comparison<'_>) -> Result<usize> {
        let waiting = self.access.live.list();
        let asks_for_emails = compared.asks_for_emails();
        if asks_for_emails {
            self.access.emails.remember(waiting.iter().filter_map(|waiting| Some(waiting.user.as_ref()?.1))).await?;
        }
        let is_hit = |Waiting { user, address }: &&Waiting| {
            let user = user.as_ref().map(|(id, nid)| (&**id, *nid));
            let emails = self.emails_for(user.map(|(_, nid)| nid).filter(|_| asks_for_emails));
            compared.takes_from(&facts(&Visitor { user, address: *address }, &emails))
        };
        Ok(waiting.iter().filter(is_hit).count())
    }

    /// Which accounts the change would hit, by what is known of where they were used.
    pub(super) async fn count_accounts(&self, compared: &Comparison<'_>) -> Result<Preview> {
        let (mut preview, asks_for_emails) = (Preview::default(), compared.asks_for_emails());
        let seen = self.seen(compared.is_about_networks).await?;
        let mut after_localpart = String::new();
        loop {
            let page = accounts::list_ids(&mut *self.storage.conn().await?, &after_localpart, PAGE).await?;
            if asks_for_emails {
                self.access.emails.remember(page.iter().map(|(user, _)| *user)).await?;
            }
            for (user, user_id) in &page {
                let emails = self.emails_for(Some(*user).filter(|_| asks_for_emails));
                let mut addresses = seen.get(user).into_iter().flatten().copied().map(Some).chain([None]);
                let visitor = |address| Visitor { user: Some((user_id, *user)), address };
                if addresses.any(|address| compared.takes_from(&facts(&visitor(address), &emails))) {
                    preview.add(user_id);
                }
            }
            match page.last() {
                Some((_, last)) if page.len() == PAGE as usize => after_localpart = last.localpart().to_owned(),
                _ => return Ok(preview),
            }
        }
    }

    fn emails_for(&self, user: Option<UserNid>) -> Arc<[Email]> {
        user.map(|user| self.access.emails.remembered(user)).unwrap_or_default()
    }

    /// From where users came, if that matters.
    async fn seen(&self, matters: bool) -> Result<HashMap<UserNid, HashSet<IpAddr>>> {
        let mut seen: HashMap<UserNid, HashSet<IpAddr>> = HashMap::new();
        if matters {
            self.access.whereabouts.each(|found| seen.entry(found.user).or_default().extend([found.address])).await?;
        }
        Ok(seen)
    }

    /// Where something changes.
    pub(super) async fn scopes(&self, changes: &[Change]) -> Vec<Scope> {
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
