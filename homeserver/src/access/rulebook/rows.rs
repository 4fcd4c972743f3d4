//! Rules to rows and back.

use crate::{
    Error, Result,
    access::{
        glob::Glob,
        networks,
        rule::{Criterion, Effect, Hits, Kind, Rule},
    },
    storage::access_rules::RuleRow,
};

/// The rule of a row.
pub(super) fn rule(row: RuleRow) -> Result<Rule> {
    let broken = |what: &str| Error::internal(format!("the access rule {} has a broken {what}", row.rule_id));
    let hash = || row.value_hash.as_deref().and_then(|hash| hash.try_into().ok()).ok_or_else(|| broken("hash"));
    let criterion = match Kind::from_number(row.kind).ok_or_else(|| broken("kind"))? {
        Kind::Everyone => Criterion::Everyone,
        Kind::User => Criterion::User(Glob::new(&row.value)),
        Kind::Server => Criterion::Server(Glob::new(&row.value)),
        Kind::Email => Criterion::Email(hash()?),
        Kind::EmailDomain => Criterion::EmailDomain(row.value.clone()),
        Kind::Network => Criterion::Network(networks::parse(&row.value).map_err(|_| broken("network"))?),
        Kind::RegistrationToken => Criterion::RegistrationToken(hash()?),
        Kind::RoomNetwork => Criterion::RoomNetwork(row.value.clone()),
        Kind::NamedNetwork => Criterion::NamedNetwork(row.value.clone()),
    };
    let limit = row.limit_count.map(i32::unsigned_abs).zip(row.limit_per_ms);
    Ok(Rule {
        version: row.version,
        criterion,
        scope: row.scope.parse().map_err(|_| broken("scope"))?,
        effect: Effect::from_strictness(row.effect, limit).ok_or_else(|| broken("effect"))?,
        hits: Hits::stored(row.match_count.unsigned_abs(), row.last_match_at),
        revoked: row.revoked_at.zip(row.revoked_by),
        id: row.rule_id,
        value: row.value,
        public_reason: row.public_reason,
        private_reason: row.private_reason,
        author: row.author,
        case: row.case_id,
        origin: row.origin,
        created_at: row.created_at,
        updated_at: row.updated_at,
        expires_at: row.expires_at,
    })
}
