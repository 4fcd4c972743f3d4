//! Creates accounts for people whom an identity provider knows, whatever the mode: who may be known there
//! is that provider's business, and whether to trust it the operator's.

use super::{NewAccount, Registration};
use crate::{
    Error, Result,
    access::{Visitor, gates::Applicant},
    accounts::{emails::Proved, identities::Person},
    audit::Origin,
    mail::Language,
    storage::{identities::IdentityRow, numbers::UserNid},
};

impl Registration {
    /// Creates an account called `name`, without a password, that `identity` opens.
    pub(in crate::accounts) async fn by_identity(
        &self,
        name: &str,
        person: &Person,
        identity: IdentityRow,
        origin: &Origin,
    ) -> Result<UserNid> {
        let user_id = self.name_to_register(name).await?;
        if self.requires_email && person.email.is_none() {
            let message = "This server wants to know your e-mail address, and was not told a confirmed one.";
            return Err(Error::forbidden(message));
        }
        if let Some(address) = &person.email
            && self.emails.find_owner(address).await?.is_some()
        {
            let message = "An account here has your e-mail address already. Sign in to it, then link this one.";
            return Err(Error::forbidden(message));
        }
        let now_ms = self.clock.now_ms();
        let proved = |address: &String| Proved::elsewhere(address.clone(), Language::default(), now_ms);
        let email = person.email.as_ref().map(proved);
        let emails = self.known_to_rules(email.as_ref())?;
        let visitor = Visitor { user: None, address: Some(origin.address) };
        let applicant = Applicant { user: &user_id, visitor, emails: &emails, token: None };
        self.gates.may_apply(&applicant)?;
        let waits_for = self.gates.registration(&applicant)?;
        let new = NewAccount {
            display_name: person.display_name.clone(),
            email,
            identity: Some(identity),
            has_accepted_terms: true,
            waits_for,
            ..NewAccount::of(user_id.clone(), origin)
        };
        self.create(new).await?;
        self.storage.intern_user(&user_id).await
    }
}
