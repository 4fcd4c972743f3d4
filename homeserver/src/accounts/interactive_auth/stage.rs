//! The stages of authentication, and what completes them.

use std::net::IpAddr;

use ruma::api::{
    client::uiaa::{AuthData, AuthType, ThirdpartyIdCredentials, UserIdentifier},
    error::StandardErrorBody,
};

use super::{
    InteractiveAuth,
    progress::{Demand, Progress},
};
use crate::{
    Error, Result,
    accounts::{User, captcha::Captcha, credentials::Proof},
    audit::{Action, Event},
    error::ErrorKind,
    storage::{registration_tokens, tokens::TokenHash},
};

/// A stage of authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Knowing the account's password.
    Password,
    /// Signing in on a page of this server, with all that belongs to it.
    Sso,
    /// Having a registration token.
    RegistrationToken,
    /// Solving a captcha that clients can draw themselves.
    Recaptcha,
    /// Solving another one.
    OtherCaptcha,
    /// Accepting documents.
    Terms,
    /// Having an e-mail address.
    Email,
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
    const ALL: [Self; 8] = [
        Self::Password,
        Self::Sso,
        Self::RegistrationToken,
        Self::Recaptcha,
        Self::OtherCaptcha,
        Self::Terms,
        Self::Email,
        Self::Dummy,
    ];

    /// The stage at which `captcha` is solved.
    pub(super) fn of_captcha(captcha: &Captcha) -> Self {
        if captcha.is_drawn_by_clients() { Self::Recaptcha } else { Self::OtherCaptcha }
    }

    /// The name of the stage, of which the specification has all but one.
    pub(super) fn kind(self) -> AuthType {
        match self {
            Self::Password => AuthType::Password,
            Self::Sso => AuthType::Sso,
            Self::RegistrationToken => AuthType::RegistrationToken,
            Self::Recaptcha => AuthType::ReCaptcha,
            Self::OtherCaptcha => AuthType::from("salon.login.captcha"),
            Self::Terms => AuthType::Terms,
            Self::Email => AuthType::EmailIdentity,
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
            // Whoever sends this says that it was shown the documents.
            (Stage::Dummy | Stage::Terms, ..) => Attempt::Completed,
            (Stage::Password, AuthData::Password(proof), Some(caller)) => {
                self.attempt_password(caller, &proof.identifier, &proof.password).await?
            }
            (Stage::Sso | Stage::OtherCaptcha, ..) => failed("This is confirmed on a page of this server."),
            (Stage::Recaptcha, AuthData::ReCaptcha(proof), _) => {
                refusable(self.check_captcha(&proof.response, demand.address).await)?
            }
            (Stage::RegistrationToken, AuthData::RegistrationToken(proof), _) => {
                self.attempt_registration_token(progress, &proof.token).await?
            }
            (Stage::Email, AuthData::EmailIdentity(proof), _) => {
                self.attempt_email(demand, progress, &proof.thirdparty_id_creds).await?
            }
            _ => failed("This does not complete the stage."),
        };
        if matches!(attempt, Attempt::Completed) {
            progress.completed.push(stage);
        }
        Ok(attempt)
    }

    async fn attempt_password(&self, caller: &User, identifier: &UserIdentifier, password: &str) -> Result<Attempt> {
        let name = match identifier {
            UserIdentifier::Matrix(identifier) => identifier.user.clone(),
            UserIdentifier::Email(identifier)
                if self.emails.find_owner(&identifier.address).await? == Some(caller.nid) =>
            {
                caller.id.to_string()
            }
            _ => return Err(Error::forbidden("Only the user of this session can confirm this.")),
        };
        let account = self.credentials.find(&name).await?;
        if account.as_ref().is_none_or(|account| account.user != caller.nid) {
            return Err(Error::forbidden("Only the user of this session can confirm this."));
        }
        let proof = self.credentials.prove(caller.id.as_str(), account.as_ref(), password, None).await?;
        let attempt = match proof {
            Proof::Complete { .. } => Attempt::Completed,
            Proof::Wrong => failed("The password is wrong."),
            Proof::AppPassword { .. } => failed("An app password logs in, but confirms nothing."),
            Proof::CodeMissing if self.credentials.take_codes() => {
                failed("Add the code of your authenticator app to the end of your password.")
            }
            Proof::CodeMissing => failed("Two-factor authentication is on, so a password alone confirms nothing."),
            Proof::CodeRefused(Error::Refused { kind: ErrorKind::Forbidden, message }) => failed(message),
            Proof::CodeRefused(refusal) => return Err(refusal),
        };
        if let Attempt::Failed(_) = &attempt {
            let event = Event::new(Action::SignIn, caller).on(&caller.id).failed("not_confirmed");
            self.audit.record(event.detail("method", "confirmation"));
        }
        Ok(attempt)
    }

    async fn attempt_email(
        &self,
        demand: &Demand<'_>,
        progress: &mut Progress,
        proof: &ThirdpartyIdCredentials,
    ) -> Result<Attempt> {
        match self.emails.proved(demand.email, &proof.sid, &proof.client_secret).await {
            Ok(proved) => {
                progress.email = Some(proved);
                Ok(Attempt::Completed)
            }
            Err(refusal) => refusable(Err(refusal)),
        }
    }

    /// Refuses an answer that does not solve the captcha.
    pub(super) async fn check_captcha(&self, answer: &str, address: IpAddr) -> Result<()> {
        let captcha = self.captcha.as_ref().ok_or_else(|| Error::internal("there is no captcha"))?;
        captcha.check(answer, address).await
    }

    async fn attempt_registration_token(&self, progress: &mut Progress, token: &str) -> Result<Attempt> {
        let Some(hash) = self.good_registration_token(token).await? else {
            return Ok(failed("This registration token is not good."));
        };
        progress.registration_token = Some(hash);
        Ok(Attempt::Completed)
    }

    /// The hash of a registration token with which somebody could register now.
    pub(super) async fn good_registration_token(&self, token: &str) -> Result<Option<TokenHash>> {
        let hash = self.secrets.hash(crate::accounts::registration::TOKEN_PURPOSE, token);
        let is_valid =
            registration_tokens::is_valid(&mut *self.storage.conn().await?, &hash, self.clock.now_ms()).await?;
        Ok(is_valid.then_some(hash))
    }
}

/// What is refused, as a stage that the client may try again.
fn refusable(outcome: Result<()>) -> Result<Attempt> {
    match outcome {
        Ok(()) => Ok(Attempt::Completed),
        Err(Error::Refused { kind, message }) => {
            Ok(Attempt::Failed(StandardErrorBody::new(kind, message.into_owned())))
        }
        Err(fault) => Err(fault),
    }
}

fn failed(message: impl Into<String>) -> Attempt {
    Attempt::Failed(StandardErrorBody::new(ErrorKind::Forbidden, message.into()))
}
