//! The stages of authentication, and what completes them.

use ruma::api::{
    client::uiaa::{AuthData, AuthType, UserIdentifier},
    error::StandardErrorBody,
};

use super::{
    InteractiveAuth,
    progress::{Demand, Progress},
};
use crate::{
    Error, Result,
    accounts::User,
    audit::{Action, Event},
    error::ErrorKind,
    storage::registration_tokens,
};

/// A stage of authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Knowing the account's password.
    Password,
    /// Having a registration token.
    RegistrationToken,
    /// Nothing at all.
    Dummy,
}

/// What came of trying a stage.
pub(super) enum Attempt {
    /// It is completed.
    Completed,
    /// It is not; the client may try again.
    Failed(StandardErrorBody),
}

impl Stage {
    const ALL: [Self; 3] = [Self::Password, Self::RegistrationToken, Self::Dummy];

    /// The specification's name of the stage.
    pub(super) fn kind(self) -> AuthType {
        match self {
            Self::Password => AuthType::Password,
            Self::RegistrationToken => AuthType::RegistrationToken,
            Self::Dummy => AuthType::Dummy,
        }
    }

    /// The stage of that name.
    pub(super) fn find(kind: &AuthType) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.kind() == *kind)
    }
}

impl InteractiveAuth {
    /// Tries the stage that the client claims to complete with `auth`.
    pub(super) async fn attempt(
        &self,
        demand: &Demand<'_>,
        progress: &mut Progress,
        kind: &AuthType,
        auth: &AuthData,
    ) -> Result<Attempt> {
        let stage = Stage::find(kind);
        if stage.is_some_and(|stage| progress.completed.contains(&stage)) {
            return Ok(Attempt::Completed);
        }
        let Some(stage) = stage.filter(|stage| demand.is_next(&progress.completed, *stage)) else {
            return Ok(failed(format!("The stage {kind} is not the next of any flow.")));
        };
        let attempt = match (stage, auth, demand.caller) {
            (Stage::Dummy, ..) => Attempt::Completed,
            (Stage::Password, AuthData::Password(proof), Some(caller)) => {
                self.attempt_password(caller, &proof.identifier, &proof.password).await?
            }
            (Stage::RegistrationToken, AuthData::RegistrationToken(proof), _) => {
                self.attempt_registration_token(progress, &proof.token).await?
            }
            _ => failed("This does not complete the stage."),
        };
        if matches!(attempt, Attempt::Completed) {
            progress.completed.push(stage);
        }
        Ok(attempt)
    }

    async fn attempt_password(&self, caller: &User, identifier: &UserIdentifier, password: &str) -> Result<Attempt> {
        let UserIdentifier::Matrix(identifier) = identifier else {
            return Err(Error::forbidden("No account is known by this e-mail address or telephone number."));
        };
        let account = self.credentials.find(&identifier.user).await?;
        if account.as_ref().is_none_or(|account| account.user != caller.nid) {
            return Err(Error::forbidden("Only the user of this session can confirm this."));
        }
        let proof = self.credentials.check(caller.id.as_str(), account.as_ref(), password, None).await?;
        if proof.is_some() {
            return Ok(Attempt::Completed);
        }
        let event = Event::new(Action::SignIn, caller).on(&caller.id).failed("bad_password");
        self.audit.record(event.detail("method", "confirmation"));
        Ok(failed("The password is wrong."))
    }

    async fn attempt_registration_token(&self, progress: &mut Progress, token: &str) -> Result<Attempt> {
        let hash = self.secrets.hash(crate::accounts::registration::TOKEN_PURPOSE, token);
        let is_valid =
            registration_tokens::is_valid(&mut *self.storage.conn().await?, &hash, self.clock.now_ms()).await?;
        if !is_valid {
            return Ok(failed("This registration token is not good."));
        }
        progress.registration_token = Some(hash);
        Ok(Attempt::Completed)
    }
}

fn failed(message: impl Into<String>) -> Attempt {
    Attempt::Failed(StandardErrorBody::new(ErrorKind::Forbidden, message.into()))
}
