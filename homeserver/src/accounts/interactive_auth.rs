//! User-interactive authentication: before something far-reaching is done, the client proves in
//! stages that its user wants it. Client-server API, "User-Interactive Authentication API".
//!
//! A service that needs it says so in one line before it acts:
//!
//! ```ignore
//! interactive_auth.require(&caller, auth, Operation::DeleteDevice(&device_id)).await?;
//! ```

mod by_oauth;
mod fallback;
mod operation;
mod progress;
mod stage;

use std::net::IpAddr;

use ruma::api::{
    client::uiaa::{AuthData, AuthFlow, UiaaInfo},
    error::StandardErrorBody,
};
use serde_json::{Map, Value, value::RawValue};

pub use self::{
    fallback::Pending,
    operation::{Operation, Purpose},
};
use self::{
    progress::{Demand, Progress},
    stage::{Attempt, Stage},
};
use super::{
    Parts, User,
    captcha::Captcha,
    credentials::Credentials,
    emails::{Emails, Proved, Purpose as ProofOf},
    terms::Terms,
};
use crate::{
    Error, Result,
    audit::Audit,
    clock::Clock,
    config::RegistrationMode,
    error::ErrorKind,
    secrets::Secrets,
    storage::{Storage, accounts, session_origins::SessionKind, tokens::TokenHash},
};

/// The stages of which all must be completed, in this order.
type Flow = Vec<Stage>;

/// Asks clients for proofs.
#[derive(Clone, Debug)]
pub struct InteractiveAuth {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    audit: Audit,
    credentials: Credentials,
    emails: Emails,
    captcha: Option<Captcha>,
    terms: Terms,
    registration: RegistrationMode,
    requires_email: bool,
    account_page: String,
}

impl InteractiveAuth {
    /// Authentication against the accounts that `credentials` knows.
    pub fn new(parts: &Parts<'_>, credentials: Credentials, emails: Emails, terms: Terms) -> Self {
        Self {
            storage: parts.storage.clone(),
            secrets: parts.secrets.clone(),
            clock: parts.clock.clone(),
            audit: parts.audit.clone(),
            credentials,
            emails,
            captcha: parts.captcha.clone(),
            terms,
            registration: parts.registration.mode,
            requires_email: parts.registration.require_email,
            account_page: parts.account_page.clone(),
        }
    }

    /// Succeeds when `auth` completes the proof that `caller` wants `operation`. Until then it
    /// fails with what the client has to do next.
    pub async fn require(&self, caller: &User, auth: Option<&AuthData>, operation: Operation<'_>) -> Result<()> {
        if operation.is_left_to_appservices() && caller.appservice.is_some() {
            return Ok(());
        }
        if caller.session == SessionKind::OAuth {
            return self.require_by_oauth(caller, operation).await;
        }
        if caller.session == SessionKind::PersonalToken {
            return Err(Error::forbidden("A personal access token cannot do this, because nobody can confirm it."));
        }
        let demand = Demand {
            caller: Some(caller),
            operation_hash: operation.hash(&self.secrets),
            purpose: operation.purpose(),
            flows: self.flows_of(caller).await?,
            email: ProofOf::ResetPassword,
            address: caller.origin.address,
        };
        self.advance(&demand, auth).await.map(drop)
    }

    /// Who has no password signs in on the pages.
    async fn flows_of(&self, caller: &User) -> Result<Vec<Flow>> {
        let has_password = accounts::has_password(&mut *self.storage.conn().await?, caller.nid).await?;
        let by_password = has_password.then(|| vec![Stage::Password]);
        Ok(by_password.into_iter().chain([vec![Stage::Sso]]).collect())
    }

    /// The same for somebody at `address` who has no account yet. Returns the registration token that was
    /// shown, if one was asked for, and the e-mail address that was proved, which has to be one where
    /// `needs_email` is set.
    pub async fn require_to_register(
        &self,
        auth: Option<&AuthData>,
        needs_email: bool,
        address: IpAddr,
    ) -> Result<(Option<TokenHash>, Option<Proved>)> {
        if needs_email && !self.emails.are_possible() {
            let message = "Registration needs a verified e-mail address now, and this server sends no mail.";
            return Err(Error::forbidden(message));
        }
        let operation = Operation::Register { terms: &self.terms.marks() };
        let demand = Demand {
            caller: None,
            operation_hash: operation.hash(&self.secrets),
            purpose: operation.purpose(),
            flows: self.flows_to_register(needs_email || self.requires_email),
            email: ProofOf::Register,
            address,
        };
        let progress = self.advance(&demand, auth).await?;
        Ok((progress.registration_token, progress.email))
    }

    /// The same for somebody who has no session, and shows whose account is meant by an e-mail address.
    pub async fn require_email(
        &self,
        auth: Option<&AuthData>,
        operation: Operation<'_>,
        address: IpAddr,
    ) -> Result<Proved> {
        let demand = Demand {
            caller: None,
            operation_hash: operation.hash(&self.secrets),
            purpose: operation.purpose(),
            flows: vec![vec![Stage::Email]],
            email: ProofOf::ResetPassword,
            address,
        };
        let proved = self.advance(&demand, auth).await?.email;
        proved.ok_or_else(|| Error::internal("an e-mail address that was asked for was not proved"))
    }

    /// The documents that people have to accept who register.
    pub(super) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The captcha that people solve who register, if there is one.
    pub fn captcha(&self) -> Option<&Captcha> {
        self.captcha.as_ref()
    }

    /// An e-mail address comes last in each flow, because its proof is not stored. No flow is the beginning
    /// of another, by which it would be completed. Client-server API, "Dummy Auth".
    fn flows_to_register(&self, needs_email: bool) -> Vec<Flow> {
        let needs_token = self.registration == RegistrationMode::Token;
        let token = needs_token.then_some(Stage::RegistrationToken);
        let captcha = self.captcha.as_ref().map(Stage::of_captcha);
        let terms = (!self.terms.is_empty()).then_some(Stage::Terms);
        let common: Flow = token.into_iter().chain(captcha).chain(terms).collect();
        let ending = |last: Stage| common.iter().copied().chain([last]).collect();
        match (self.emails.are_possible(), needs_email) {
            (_, true) => vec![ending(Stage::Email)],
            (true, false) => vec![ending(Stage::Dummy), ending(Stage::Email)],
            (false, false) if common.is_empty() => vec![ending(Stage::Dummy)],
            (false, false) => vec![common],
        }
    }

    async fn advance(&self, demand: &Demand<'_>, auth: Option<&AuthData>) -> Result<Progress> {
        let Some(auth) = auth else {
            return Err(self.challenge(demand, Progress::begin(), None).await);
        };
        let resumed = match auth.session() {
            Some(session) => self.resume(demand, session).await?,
            None => Some(Progress::begin()),
        };
        let Some(mut progress) = resumed else {
            return Err(self.challenge(demand, Progress::begin(), Some(unknown_session())).await);
        };
        // Without a type, the client only asks how far it has come.
        if let Some(kind) = auth.auth_type()
            && let Attempt::Failed(failure) = self.attempt(demand, &mut progress, &kind, auth).await?
        {
            return Err(self.challenge(demand, progress, Some(failure)).await);
        }
        if !demand.flows.contains(&progress.completed) {
            return Err(self.challenge(demand, progress, None).await);
        }
        // Each session is good for one operation: of two requests at the same time, one comes first.
        if !self.finish(&progress).await? {
            return Err(self.challenge(demand, Progress::begin(), Some(unknown_session())).await);
        }
        Ok(progress)
    }

    /// The answer that tells the client what to do next.
    async fn challenge(&self, demand: &Demand<'_>, progress: Progress, failure: Option<StandardErrorBody>) -> Error {
        let session = match self.save(demand, &progress).await {
            Ok(session) => session,
            Err(error) => return error,
        };
        let stages = |flow: &Flow| AuthFlow::new(flow.iter().map(|stage| stage.kind()).collect());
        let mut info = UiaaInfo::new(demand.flows.iter().map(stages).collect());
        info.completed = progress.completed.iter().map(|stage| stage.kind()).collect();
        let mut params = Map::new();
        let has_stage = |wanted: Stage| demand.flows.iter().flatten().any(|stage| *stage == wanted);
        if has_stage(Stage::Terms) {
            params.insert(Stage::Terms.kind().to_string(), self.terms.params());
        }
        if let Some(captcha) = self.captcha.as_ref().filter(|_| has_stage(Stage::Recaptcha)) {
            params.insert(Stage::Recaptcha.kind().to_string(), captcha.params());
        }
        // Clients expect the member even where no stage has parameters.
        info.params = RawValue::from_string(Value::Object(params).to_string()).ok();
        info.session = Some(session);
        info.auth_error = failure.map(Box::new);
        Error::InteractiveAuth(Box::new(info))
    }
}

fn unknown_session() -> StandardErrorBody {
    let message = "This authentication session is not known, has expired, or was begun for something else.";
    StandardErrorBody::new(ErrorKind::Unknown, message.to_owned())
}
