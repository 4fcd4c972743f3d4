//! Asks the rules and does what they say. Gates come one after another, and none lifts what an earlier
//! one refused: the server, then registration or login, then features, then rooms.

use std::{borrow::Cow, sync::Arc};

use ruma::{RoomId, ServerName, UserId};

use super::{
    Visitor,
    account_emails::AccountEmails,
    approvals::Approvals,
    email::Email,
    feature::Feature,
    rate_limits::{RateLimits, Subject},
    rule::{Criterion, Effect, Rule},
    rulebook::Rulebook,
    ruleset::{Decision, Facts, Place},
};
use crate::{
    Error, Result,
    audit::{Actor, Audit, Origin},
    clock::Clock,
    config::Limit,
    error::{Denial, ErrorKind},
    secrets::HASH_LENGTH,
    storage::{approvals::State, numbers::UserNid},
};

/// The gates; clones share them.
#[derive(Clone, Debug)]
pub struct Gates {
    rulebook: Rulebook,
    approvals: Approvals,
    emails: AccountEmails,
    limits: RateLimits,
    audit: Audit,
    clock: Clock,
}

/// Somebody who wants to have an account.
#[derive(Clone, Copy, Debug)]
pub struct Applicant<'a> {
    /// What they want to be called.
    pub user: &'a UserId,
    /// Where they come from.
    pub visitor: Visitor<'a>,
    /// The e-mail addresses that they have proved to be theirs.
    pub emails: &'a [Email],
    /// The registration token that they have, hashed.
    pub token: Option<&'a [u8; HASH_LENGTH]>,
}

impl<'a> Applicant<'a> {
    fn facts(&self) -> Facts<'a> {
        Facts {
            user: Some(self.user.as_str()),
            server: Some(self.user.server_name().as_str()),
            address: self.visitor.address,
            emails: self.emails,
            token: self.token,
        }
    }
}

impl Gates {
    /// Gates that ask `rulebook`.
    pub fn new(rulebook: Rulebook, approvals: Approvals, emails: AccountEmails, audit: Audit, clock: Clock) -> Self {
        Self { rulebook, approvals, emails, limits: RateLimits::of_rules(clock.clone()), audit, clock }
    }

    /// The first gate: whether anything is taken from where a request comes from. Whoever sends it is
    /// not known yet, so conditions about accounts are left for later.
    pub fn arrival(&self, visitor: &Visitor<'_>) -> Result<()> {
        let facts = Facts { address: visitor.address, ..Facts::default() };
        match self.decide(Place::Server, &facts) {
            Some(rule) if rule.effect == Effect::Deny => Err(self.refuse(Place::Server, &rule, visitor)),
            _ => Ok(()),
        }
    }

    /// The same for a session: whether it may do anything here.
    pub async fn server(&self, visitor: &Visitor<'_>) -> Result<()> {
        self.pass(Place::Server, visitor).await
    }

    /// Whether somebody may begin a session. Asked before it is known whether they know the password.
    pub async fn login(&self, visitor: &Visitor<'_>) -> Result<()> {
        self.pass(Place::Server, visitor).await?;
        self.pass(Place::Login, visitor).await
    }

    /// Whether somebody may try to create an account, before they prove anything.
    pub fn may_apply(&self, applicant: &Applicant<'_>) -> Result<()> {
        let facts = applicant.facts();
        for place in [Place::Server, Place::Registration] {
            if let Some(rule) = self.decide(place, &facts).filter(|rule| rule.effect == Effect::Deny) {
                // Somebody may still come to show what a rule lets through.
                let is_final = rule.criterion != Criterion::Everyone || place == Place::Server;
                if is_final {
                    return Err(self.refuse(Place::Registration, &rule, &applicant.visitor));
                }
            }
        }
        Ok(())
    }

    /// Whether somebody has to prove an e-mail address before they may have an account, as far as that can
    /// be told from their name, if they have said one, and from where they come.
    pub fn needs_email_to_register(&self, user: Option<&UserId>, visitor: &Visitor<'_>) -> bool {
        let facts = Facts {
            user: user.map(UserId::as_str),
            server: user.map(|user| user.server_name().as_str()),
            address: visitor.address,
            ..Facts::default()
        };
        let decision = self.rulebook.current().decide(Place::Registration, &facts, self.clock.now_ms());
        decision.effect() == Effect::RequireVerifiedEmail
    }

    /// Whether somebody may create an account; returns the rule for which an administrator has to approve
    /// of it.
    pub fn registration(&self, applicant: &Applicant<'_>) -> Result<Option<Arc<Rule>>> {
        let facts = applicant.facts();
        match self.decide(Place::Server, &facts) {
            Some(rule) if rule.effect == Effect::Deny => {
                return Err(self.refuse(Place::Registration, &rule, &applicant.visitor));
            }
            _ => {}
        }
        let Some(rule) = self.decide(Place::Registration, &facts) else { return Ok(None) };
        match rule.effect {
            Effect::RequireApproval => Ok(Some(rule)),
            Effect::RateLimit { count, per_ms } => {
                let subject = applicant.visitor.address.map(Subject::address);
                self.limit(&rule, subject, (count, per_ms), &applicant.visitor).map(|()| None)
            }
            Effect::RequireVerifiedEmail if !applicant.emails.is_empty() => Ok(None),
            Effect::Allow | Effect::LogOnly => Ok(None),
            _ => Err(self.refuse(Place::Registration, &rule, &applicant.visitor)),
        }
    }

    /// Whether an e-mail address may be proved here, to register or to have it.
    pub fn email(&self, visitor: &Visitor<'_>, email: &Email, places: &[Place<'_>]) -> Result<()> {
        let emails = std::slice::from_ref(email);
        let facts = Facts { address: visitor.address, emails, ..Facts::default() };
        for place in places {
            if let Some(rule) = self.decide(*place, &facts).filter(|rule| rule.effect == Effect::Deny) {
                self.record(&rule, visitor);
                return Err(denied(ErrorKind::ThreepidDenied, "This e-mail address is not accepted here.", &rule));
            }
        }
        Ok(())
    }

    /// Whether somebody may use a feature.
    pub async fn feature(&self, visitor: &Visitor<'_>, feature: Feature) -> Result<()> {
        self.pass(Place::Feature(feature), visitor).await
    }

    /// Whether somebody may come into a room, or speak there. `spaces` are those that it is in, of
    /// [`super::ruleset::RuleSet::spaces`].
    pub async fn room(&self, visitor: &Visitor<'_>, room: &RoomId, spaces: &[&RoomId]) -> Result<()> {
        self.pass(Place::Room(room), visitor).await?;
        for space in spaces {
            self.pass(Place::Space(space), visitor).await?;
        }
        Ok(())
    }

    /// Whether another server may talk to this one, for a user of it or by itself.
    pub fn federation(&self, server: &ServerName, user: Option<&UserId>, visitor: &Visitor<'_>) -> Result<()> {
        let facts = Facts {
            user: user.map(UserId::as_str),
            server: Some(server.as_str()),
            address: visitor.address,
            ..Facts::default()
        };
        for place in [Place::Server, Place::Federation] {
            let Some(rule) = self.decide(place, &facts) else { continue };
            match rule.effect {
                Effect::Allow | Effect::LogOnly => {}
                Effect::RateLimit { count, per_ms } => {
                    let subject = Some(self.limits.name(server.as_str(), None));
                    self.limit(&rule, subject, (count, per_ms), visitor)?;
                }
                _ => return Err(self.refuse(place, &rule, visitor)),
            }
        }
        Ok(())
    }

    /// Whether a user of another server may be in a room, which is being made if there is none; `spaces` as
    /// for [`Self::room`].
    pub fn stranger(&self, user: &UserId, room: Option<&RoomId>, spaces: &[&RoomId]) -> Result<()> {
        let facts = Facts { user: Some(user.as_str()), server: Some(user.server_name().as_str()), ..Facts::default() };
        let around = room.map(Place::Room).into_iter().chain(spaces.iter().map(|space| Place::Space(space)));
        for place in [Place::Server, Place::Federation].into_iter().chain(around) {
            let Some(rule) = self.decide(place, &facts) else { continue };
            // What strangers could show for themselves is not known here; how often they act is counted
            // where they do.
            if !matches!(rule.effect, Effect::Allow | Effect::LogOnly | Effect::RateLimit { .. }) {
                let sentence = match place {
                    Place::Room(_) | Place::Space(_) => "Rules of this server keep this user out of the room.",
                    _ => "Rules of this server keep this user out.",
                };
                return Err(denied(ErrorKind::Forbidden, sentence, &rule));
            }
        }
        Ok(())
    }

    /// Why a session would be cut off now, if it would be. Conditions that need a look into the database
    /// are left to the next request; see [`Self::prepare_cuts`] for e-mail addresses.
    pub fn cut(&self, visitor: &Visitor<'_>) -> Option<Error> {
        let user = visitor.user.filter(|_| self.rulebook.current().asks_for_emails(Place::Server));
        let emails = user.map(|(_, user)| self.emails.remembered(user)).unwrap_or_default();
        let rule = self.decide(Place::Server, &facts(visitor, &emails))?;
        (rule.effect == Effect::Deny).then(|| self.refuse(Place::Server, &rule, visitor))
    }

    /// Has all ready that [`Self::cut`] looks at for `users`.
    pub async fn prepare_cuts(&self, users: impl IntoIterator<Item = UserNid>) -> Result<()> {
        if self.rulebook.current().asks_for_emails(Place::Server) { self.emails.remember(users).await } else { Ok(()) }
    }

    async fn pass(&self, place: Place<'_>, visitor: &Visitor<'_>) -> Result<()> {
        let emails = match visitor.user {
            Some((_, user)) if self.rulebook.current().asks_for_emails(place) => self.emails.of(user).await?,
            _ => Arc::default(),
        };
        let Some(rule) = self.decide(place, &facts(visitor, &emails)) else { return Ok(()) };
        match rule.effect {
            Effect::Allow | Effect::LogOnly => Ok(()),
            Effect::Deny => Err(self.refuse(place, &rule, visitor)),
            Effect::RequireVerifiedEmail => match visitor.user {
                Some((_, user)) if !self.emails.of(user).await?.is_empty() => Ok(()),
                _ => Err(self.refuse(place, &rule, visitor)),
            },
            Effect::RequireSecondFactor => match visitor.user {
                Some((_, user)) if self.approvals.has_second_factor(user).await? => Ok(()),
                _ => Err(self.refuse(place, &rule, visitor)),
            },
            Effect::RateLimit { count, per_ms } => {
                let user = visitor.user.map(|(_, nid)| Subject::User(nid));
                self.limit(&rule, user.or(visitor.address.map(Subject::address)), (count, per_ms), visitor)
            }
            Effect::RequireApproval => {
                let Some((_, user)) = visitor.user else { return Err(self.refuse(place, &rule, visitor)) };
                match self.approvals.state(user, &rule.scope.to_string(), &rule.id).await? {
                    State::Approved => Ok(()),
                    State::Waiting | State::Denied => Err(self.refuse(place, &rule, visitor)),
                }
            }
        }
    }

    fn limit(
        &self,
        rule: &Rule,
        subject: Option<Subject>,
        (count, per_ms): (u32, i64),
        visitor: &Visitor<'_>,
    ) -> Result<()> {
        let Some(subject) = subject else { return Ok(()) };
        #[expect(clippy::cast_precision_loss, reason = "a month has few milliseconds")]
        let per_second = f64::from(count) * 1000.0 / per_ms as f64;
        let taken = self.limits.take_for(&rule.id, subject, Limit { burst: count, per_second });
        if taken.is_err() {
            self.record(rule, visitor);
        }
        taken
    }

    /// The refusal that tells of a rule that is in the way of somebody, which is noted.
    fn refuse(&self, place: Place<'_>, rule: &Rule, visitor: &Visitor<'_>) -> Error {
        self.record(rule, visitor);
        refusal(place, rule)
    }

    /// Notes whom a rule kept out; again for the same only after a while.
    fn record(&self, rule: &Rule, visitor: &Visitor<'_>) {
        let origin = visitor.address.map(|address| Origin::new(address, None));
        let actor = match (visitor.user, &origin) {
            (Some((user, _)), None) => Actor::owner(user),
            (Some((user, _)), Some(origin)) => Actor::user(user, None, origin),
            (None, Some(origin)) => Actor::from(origin),
            (None, None) => return,
        };
        self.audit.record_rule(&rule.id, &rule.scope.to_string(), rule.effect.name(), actor);
    }

    /// The rule that decides, if one does. Those that want to be counted are.
    fn decide(&self, place: Place<'_>, facts: &Facts<'_>) -> Option<Arc<Rule>> {
        let now_ms = self.clock.now_ms();
        let Decision { rule, noted } = self.rulebook.current().decide(place, facts, now_ms);
        for rule in noted.iter().chain(&rule) {
            rule.hits.count(now_ms);
        }
        rule
    }
}

/// What is known of a visitor with these e-mail addresses.
pub fn facts<'a>(visitor: &Visitor<'a>, emails: &'a [Email]) -> Facts<'a> {
    Facts {
        user: visitor.user.map(|(id, _)| id.as_str()),
        server: visitor.user.map(|(id, _)| id.server_name().as_str()),
        address: visitor.address,
        emails,
        token: None,
    }
}

/// The refusal that tells of a rule that is in the way.
fn refusal(place: Place<'_>, rule: &Rule) -> Error {
    let is_about_account =
        matches!(rule.criterion, Criterion::User(_) | Criterion::Email(_) | Criterion::EmailDomain(_));
    // Never an unknown token: clients would take themselves for logged out and wipe their keys.
    // Client-server API, "Account locking": sessions are kept, and clients say so.
    let kind = match (place, rule.effect) {
        (Place::Server, Effect::Deny) if is_about_account => ErrorKind::UserLocked,
        _ => ErrorKind::Forbidden,
    };
    let sentence = match (rule.effect, place) {
        (Effect::RequireApproval, _) => "An administrator has to approve of this first.",
        (Effect::RequireSecondFactor, _) => "This needs an account with a second factor.",
        (Effect::RequireVerifiedEmail, _) => "This needs an account with a verified e-mail address.",
        (_, Place::Registration) => "Registration is not possible.",
        (_, Place::Login) => "Logging in is not possible.",
        (_, Place::Feature(feature)) => feature.refusal(),
        (_, Place::Room(_) | Place::Space(_)) => "You have no access to this room.",
        (_, Place::Federation | Place::Server) => "You have no access to this server.",
    };
    denied(kind, sentence, rule)
}

fn denied(kind: ErrorKind, sentence: &'static str, rule: &Rule) -> Error {
    let message = match &rule.public_reason {
        Some(reason) => Cow::Owned(format!("{sentence} {reason}")),
        None => Cow::Borrowed(sentence),
    };
    Error::Denied(Box::new(Denial { kind, message, case: rule.case.clone() }))
}
