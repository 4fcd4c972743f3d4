//! Creates accounts: by registration, by scripts, by administrators.

mod by_appservices;
mod by_identity;
mod scripts;
mod tokens;

use std::sync::Arc;

use ruma::{OwnedServerName, OwnedUserId, UserId, api::client::uiaa::AuthData};
use serde_json::json;

pub(in crate::accounts) use self::tokens::TOKEN_PURPOSE;
pub use self::{
    scripts::ScriptRequest,
    tokens::{NewRegistrationToken, RegistrationToken},
};
use super::{
    Parts,
    appservices::AppServices,
    emails::{Emails, Proved},
    interactive_auth::InteractiveAuth,
    names::{self, Reserved},
    passwords::Passwords,
    sessions::{NewSession, SessionRequest, Sessions},
    terms::Terms,
};
use crate::{
    Error, Result,
    access::{
        Visitor,
        email::Email,
        gates::{Applicant, Gates},
        rule::Rule,
    },
    audit::{Action, Actor, Audit, Event, Origin},
    clock::Clock,
    config::{Hidden, RegistrationMode},
    secrets::Secrets,
    storage::{
        Storage,
        accounts::{self, Account, AccountKind},
        approvals, fault,
        identities::{self, IdentityRow},
        numbers::UserNid,
        people, profiles, registration_tokens,
        tokens::TokenHash,
    },
};

/// Creates accounts.
#[derive(Clone, Debug)]
pub struct Registration {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    audit: Audit,
    passwords: Passwords,
    sessions: Sessions,
    emails: Emails,
    interactive_auth: InteractiveAuth,
    terms: Terms,
    server_name: OwnedServerName,
    mode: RegistrationMode,
    requires_email: bool,
    reserved: Reserved,
    script_secret: Hidden,
    appservices: AppServices,
    gates: Gates,
}

/// What somebody who registers asks for.
#[derive(Clone)]
pub struct RegistrationRequest {
    /// The name; none means any.
    pub name: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The first session, unless the client wants none.
    pub session: Option<SessionRequest>,
}

/// What somebody who registers on a page asks for.
#[derive(Debug)]
pub struct PageRequest<'a> {
    /// The name.
    pub name: &'a str,
    /// The password.
    pub password: &'a str,
    /// The registration token.
    pub token: &'a str,
    /// The answer to the captcha.
    pub captcha: &'a str,
    /// The e-mail address that was proved.
    pub email: Option<Proved>,
}

/// An account to be created.
#[derive(Clone)]
pub struct NewAccount {
    /// Who makes it.
    pub by: Actor,
    /// Its user ID, from [`Registration::free_name`].
    pub user_id: OwnedUserId,
    /// Its password, if it is to have one.
    pub password: Option<String>,
    /// Whom it is for.
    pub kind: AccountKind,
    /// Whether it is a server administrator's.
    pub is_admin: bool,
    /// The display name it begins with.
    pub display_name: Option<String>,
    /// The registration token that is used up by it.
    pub token: Option<TokenHash>,
    /// The e-mail address that was proved.
    pub email: Option<Proved>,
    /// The account at an identity provider that opens it.
    pub identity: Option<IdentityRow>,
    /// Whether who makes it has accepted the documents.
    pub has_accepted_terms: bool,
    /// Its first session, if it is to have one.
    pub session: Option<SessionRequest>,
    /// The access rule for which an administrator has to approve of it before it can act.
    pub waits_for: Option<Arc<Rule>>,
}

impl NewAccount {
    /// An account of a user with this name, and nothing else.
    pub fn of(user_id: OwnedUserId, by: impl Into<Actor>) -> Self {
        Self {
            by: by.into(),
            user_id,
            password: None,
            kind: AccountKind::User,
            is_admin: false,
            display_name: None,
            token: None,
            email: None,
            identity: None,
            has_accepted_terms: false,
            session: None,
            waits_for: None,
        }
    }
}

impl Registration {
    /// Creation of accounts as configured.
    pub fn new(
        parts: &Parts<'_>,
        passwords: Passwords,
        sessions: Sessions,
        emails: Emails,
        interactive_auth: InteractiveAuth,
    ) -> Result<Self> {
        Ok(Self {
            storage: parts.storage.clone(),
            secrets: parts.secrets.clone(),
            clock: parts.clock.clone(),
            audit: parts.audit.clone(),
            passwords,
            sessions,
            emails,
            terms: interactive_auth.terms().clone(),
            interactive_auth,
            server_name: parts.server_name.clone(),
            mode: parts.registration.mode,
            requires_email: parts.registration.require_email,
            reserved: Reserved::new(&parts.registration.reserved_names)?,
            script_secret: parts.registration_secret.clone(),
            appservices: parts.appservices.clone(),
            gates: parts.access.gates.clone(),
        })
    }

    /// Registers somebody who has completed `auth`; returns the first session too, if it is wanted.
    pub async fn register(
        &self,
        request: RegistrationRequest,
        auth: Option<&AuthData>,
        origin: &Origin,
    ) -> Result<(OwnedUserId, Option<NewSession>)> {
        self.check_open()?;
        // Client-server API, `POST /register`: what is wrong is told before anything has to be proved.
        let user_id = match &request.name {
            Some(name) => self.name_to_register(name).await?,
            None => self.name_to_register(&names::generate()).await?,
        };
        if let Some(password) = &request.password {
            self.passwords.check_new(password, &user_id).await?;
        }
        let visitor = Visitor { user: None, address: Some(origin.address) };
        let applicant = Applicant { user: &user_id, visitor, emails: &[], token: None };
        self.gates.may_apply(&applicant)?;
        let needs_email = self.gates.needs_email_to_register(Some(&user_id), &visitor);
        let (token, email) = self.interactive_auth.require_to_register(auth, needs_email, origin.address).await?;
        let emails = self.known_to_rules(email.as_ref())?;
        let applicant = Applicant { emails: &emails, token: token.as_ref(), ..applicant };
        let waits_for = self.gates.registration(&applicant)?;

        let password = request.password.ok_or_else(|| Error::missing_param("A password is needed."))?;
        let new = NewAccount {
            password: Some(password),
            token,
            email,
            has_accepted_terms: true,
            session: request.session,
            waits_for,
            ..NewAccount::of(user_id.clone(), origin)
        };
        let session = self.create(new).await?;
        Ok((user_id, session))
    }

    /// Registers somebody on a page of this server, who has accepted the documents there, and proved to have
    /// an e-mail address where that is needed.
    pub async fn register_on_page(&self, request: PageRequest<'_>, origin: &Origin) -> Result<UserNid> {
        self.check_open()?;
        if self.requires_email && request.email.is_none() {
            return Err(Error::forbidden("This server wants to know your e-mail address."));
        }
        let user_id = self.name_to_register(request.name).await?;
        self.passwords.check_new(request.password, &user_id).await?;
        let visitor = Visitor { user: None, address: Some(origin.address) };
        let applicant = Applicant { user: &user_id, visitor, emails: &[], token: None };
        self.gates.may_apply(&applicant)?;
        let token = match self.mode {
            RegistrationMode::Token => Some(self.interactive_auth.registration_token(request.token).await?),
            RegistrationMode::Open | RegistrationMode::Closed => None,
        };
        let emails = self.known_to_rules(request.email.as_ref())?;
        let waits_for = self.gates.registration(&Applicant { emails: &emails, token: token.as_ref(), ..applicant })?;
        // Last, because an answer is good once.
        if let Some(captcha) = self.interactive_auth.captcha() {
            captcha.check(request.captcha, origin.address).await?;
        }
        let new = NewAccount {
            password: Some(request.password.to_owned()),
            token,
            email: request.email,
            has_accepted_terms: true,
            waits_for,
            ..NewAccount::of(user_id.clone(), origin)
        };
        self.create(new).await?;
        self.storage.intern_user(&user_id).await
    }

    /// A proved address as access rules know it.
    fn known_to_rules(&self, email: Option<&Proved>) -> Result<Vec<Email>> {
        email.into_iter().map(|proved| Email::parse(&proved.address, &self.secrets)).collect()
    }

    /// Refuses if nobody may register.
    pub fn check_open(&self) -> Result<()> {
        if self.mode == RegistrationMode::Closed {
            return Err(Error::forbidden("Nobody can register on this server."));
        }
        Ok(())
    }

    /// The user ID that somebody who wants to register as `name` gets, if the name is possible, not
    /// reserved, and free.
    pub async fn name_to_register(&self, name: &str) -> Result<OwnedUserId> {
        let user_id = self.free_name(name).await?;
        self.reserved.check(user_id.localpart())?;
        self.appservices.check_user_is_free(&user_id, None)?;
        Ok(user_id)
    }

    /// The same for administrators, who may give away reserved names.
    pub async fn free_name(&self, name: &str) -> Result<OwnedUserId> {
        let user_id = names::user_id(name, &self.server_name)?;
        self.check_free(&user_id).await?;
        Ok(user_id)
    }

    async fn check_free(&self, user_id: &UserId) -> Result<()> {
        if accounts::exists(&mut *self.storage.conn().await?, user_id.localpart()).await? {
            return Err(taken());
        }
        Ok(())
    }

    /// Creates an account; returns its first session, if it is to have one.
    pub async fn create(&self, new: NewAccount) -> Result<Option<NewSession>> {
        if let Some(session) = &new.session {
            session.check()?;
        }
        let password_hash = match &new.password {
            Some(password) => {
                self.passwords.check_new(password, &new.user_id).await?;
                Some(self.passwords.hash(password).await?)
            }
            None => None,
        };
        let user = self.storage.intern_user(&new.user_id).await?;
        let account = Account {
            user,
            user_id: new.user_id.clone(),
            password_hash,
            kind: new.kind,
            is_admin: new.is_admin,
            is_locked: false,
            is_suspended: false,
            is_deactivated: false,
            created_at: self.clock.now_ms(),
        };
        match self.storage.retry(|| self.write(user, &account, &new)).await {
            Err(error) if fault::is_duplicate(&error) => Err(taken()),
            outcome => outcome,
        }
    }

    async fn write(&self, user: UserNid, account: &Account, new: &NewAccount) -> Result<Option<NewSession>> {
        let mut tx = self.storage.begin().await?;
        if let Some(token) = &new.token
            && !registration_tokens::spend(&mut tx, token, account.created_at).await?
        {
            return Err(Error::forbidden("This registration token is not good any more."));
        }
        accounts::insert(&mut tx, account).await?;
        if let Some(email) = &new.email {
            self.emails.bind(&mut tx, user, email).await?;
        }
        if let Some(identity) = &new.identity {
            identities::insert(&mut tx, user, identity).await?;
        }
        if let Some(name) = &new.display_name {
            profiles::upsert(&mut tx, user, "displayname", &json!(name).to_string()).await?;
        }
        people::upsert(&mut tx, user, &new.user_id, new.display_name.as_deref(), None).await?;
        if let Some(rule) = &new.waits_for {
            accounts::update_suspended(&mut tx, user, true).await?;
            approvals::insert(&mut tx, user, &rule.scope.to_string(), &rule.id, account.created_at).await?;
        }
        let mut session = None;
        if let Some(request) = &new.session {
            let (device_id, tokens) = self.sessions.begin(&mut tx, user, request).await?;
            session = Some(NewSession { user_id: new.user_id.clone(), device_id, tokens });
        }
        let accepted = match new.has_accepted_terms {
            true => self.terms.write(&mut tx, user, new.by.clone()).await?.map(|event| event.on(&new.user_id)),
            false => None,
        };
        let made = Event::new(Action::AccountCreated, new.by.clone()).on(&new.user_id).detail("is_admin", new.is_admin);
        let first = session.as_ref().and_then(|session| Some((session, new.by.origin()?)));
        let first = first.map(|(session, origin)| {
            let actor = Actor::user(&new.user_id, Some(session.device_id.clone()), origin);
            Event::new(Action::SignIn, actor).on(&new.user_id).detail("method", "registration")
        });
        self.audit.append(&mut tx, std::iter::once(made).chain(accepted).chain(first)).await?;
        tx.commit().await?;
        Ok(session)
    }
}

fn taken() -> Error {
    Error::user_in_use("This user name is taken.")
}
