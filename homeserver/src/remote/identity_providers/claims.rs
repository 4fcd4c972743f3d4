//! What claims say of somebody. Pure.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::{
    accounts::{identities::Person, names},
    config::IdentityProvider,
    mail::canonical_address,
};

#[cfg(test)]
mod tests;

/// Most bytes of a subject. OpenID Connect Core, "ID Token", `sub`.
const LONGEST_SUBJECT: usize = 255;
/// So many characters are taken of a display name.
const LONGEST_NAME: usize = 250;

/// The claims of a token whose signature has been verified.
pub(super) fn of_token(token: &str) -> Option<Map<String, Value>> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()
}

/// Whom `claims` tell of, as `rules` want them to be understood; nobody without a subject.
pub(super) fn person(rules: &IdentityProvider, claims: &Map<String, Value>) -> Option<Person> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let subject = text("sub").filter(|subject| subject.len() <= LONGEST_SUBJECT)?;
    let address = text(&rules.email_claim).and_then(canonical_address);
    let display_name = text(&rules.display_name_claim).map(|name| name.chars().take(LONGEST_NAME).collect::<String>());
    let localpart = text(&rules.localpart_claim);
    let label = address.as_deref().or(localpart).or(display_name.as_deref()).unwrap_or(subject).to_owned();
    Some(Person {
        provider_id: rules.id.clone(),
        issuer: rules.issuer.clone(),
        subject: subject.to_owned(),
        localpart: localpart.and_then(names::suggestion),
        email: address.filter(|_| rules.trusted_emails || is_true(claims.get("email_verified"))),
        display_name,
        label,
    })
}

/// Some providers write it as text.
fn is_true(claim: Option<&Value>) -> bool {
    matches!(claim, Some(Value::Bool(true))) || claim.and_then(Value::as_str) == Some("true")
}
