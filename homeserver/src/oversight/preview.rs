//! Tells whom a change of the rules would hit, before it is made.

use ruma::OwnedUserId;

use super::Oversight;
use crate::{
    Result,
    access::{
        Visitor,
        gates::facts,
        rule::{Effect, Scope},
        rulebook::Change,
        ruleset::{Facts, Place, RuleSet},
    },
    storage::accounts,
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
        for waiting in self.access.live.list() {
            let visitor = Visitor { user: None, address: waiting.address };
            let user = waiting.user.as_deref();
            let about = Facts {
                user: user.map(|user| user.as_str()),
                server: user.map(|user| user.server_name().as_str()),
                ..facts(&visitor, &[])
            };
            preview.live_requests += usize::from(loses(&about));
        }
        let mut after_localpart = String::new();
        loop {
            let page = accounts::list_ids(&mut *self.storage.conn().await?, &after_localpart, PAGE).await?;
            for (user, user_id) in &page {
                if loses(&facts(&Visitor { user: Some((user_id, *user)), address: None }, &[])) {
                    preview.add(user_id);
                }
            }
            match page.last() {
                Some((_, last)) if page.len() == PAGE as usize => after_localpart = last.localpart().to_owned(),
                _ => return Ok(preview),
            }
        }
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
