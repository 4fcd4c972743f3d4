//! What has happened lately that matters for the security of an account, from the audit log.

use askama::Template;

use crate::{
    audit::export::Entry,
    http::pages::{
        Page,
        account::Heading,
        moment,
        reply::Reply,
        visit::{Frame, Visit},
    },
};

const HERE: &str = "/account/activity";
/// So many events are looked at.
const LOOKED_AT: u32 = 200;
/// So many are shown.
const SHOWN: usize = 50;

/// What people are told of, by the names in the log.
const SENTENCES: [(&str, &str); 32] = [
    ("authn_login_success", "Somebody signed in."),
    ("authn_login_fail", "Somebody could not sign in."),
    ("authn_login_lock", "Too many wrong codes: none is accepted for a while."),
    ("session_ended", "Devices were signed out."),
    ("authn_token_created", "A password or a token for an app was made."),
    ("authn_token_revoked", "A password or a token for an app was revoked."),
    ("authn_token_reuse", "A token that was used up turned up again: its session was ended."),
    ("authn_password_change", "The password was changed."),
    ("authn_password_change_fail", "Somebody could not change the password."),
    ("authn_password_reset", "The password was replaced."),
    ("authn_factor_added", "Two-factor authentication was turned on."),
    ("authn_factor_success", "A recovery code was used."),
    ("authn_factor_fail", "Somebody entered a wrong code."),
    ("authn_factor_removed", "Two-factor authentication was turned off."),
    ("authn_factor_reset", "Two-factor authentication was taken away."),
    ("authn_recovery_codes_created", "New recovery codes were made."),
    ("user_email_added", "An e-mail address was added."),
    ("user_email_removed", "An e-mail address was removed."),
    ("user_identity_linked", "An account at another server was linked."),
    ("user_identity_unlinked", "An account at another server was unlinked."),
    ("user_terms_accepted", "Documents were accepted."),
    ("consent_given", "An app was let in, or something was confirmed."),
    ("consent_refused", "An app was not let in."),
    ("consent_revoked", "An app was signed out."),
    ("cross_signing_reset", "The identity keys were replaced."),
    ("user_created", "The account was made."),
    ("user_locked", "The account was locked."),
    ("user_unlocked", "The account was unlocked."),
    ("user_suspended", "The account was suspended."),
    ("user_unsuspended", "The account is no longer suspended."),
    ("authz_change", "The permissions were changed."),
    ("excess_rate_limit_exceeded", "There were too many tries."),
];

#[derive(Template)]
#[template(path = "account/activity.html")]
struct Activity {
    frame: Frame,
    head: Heading,
    events: Vec<Item>,
}

struct Item {
    sentence: &'static str,
    is_bad: bool,
    about: String,
}

/// `GET /account/activity`
pub(in crate::http::pages) async fn show(visit: Visit) -> Page {
    let session = visit.member(HERE)?;
    let frame = visit.frame();
    let entries = visit.app.audit.of_user(&session.user.id, LOOKED_AT).await?;
    let events = entries.iter().filter_map(|entry| item(&frame, entry, session.user.id.as_str())).take(SHOWN);
    let page = Activity { head: Heading::of(&visit, session, HERE), events: events.collect(), frame };
    Ok(Reply::page(&page))
}

/// What somebody is told of an event that befell their account.
fn item(frame: &Frame, entry: &Entry, user: &str) -> Option<Item> {
    if entry.target.as_deref() != Some(user) {
        return None;
    }
    let sentence = SENTENCES.iter().find(|(of, _)| *of == entry.action)?.1;
    let is_by_others = matches!(entry.role.as_str(), "operator" | "server")
        || entry.actor.as_deref().is_some_and(|actor| actor != user);
    let mut about = vec![moment::shown(entry.at)];
    if is_by_others {
        // From where is nobody else's business.
        about.push(frame.say("by those who run this server").to_owned());
    } else {
        let detail = |name: &str| entry.details.get(name).and_then(|value| value.as_str());
        let what = ["app", "provider", "device"].into_iter().find_map(detail);
        let what = what.map(ToOwned::to_owned).or_else(|| entry.device_id.clone());
        about.extend([what, entry.user_agent.clone(), entry.address.clone()].into_iter().flatten());
    }
    Some(Item { sentence, is_bad: !entry.is_success, about: about.join(" · ") })
}
