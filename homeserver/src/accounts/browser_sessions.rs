//! People who are signed in to the server's own pages: the one place where a password and a second
//! factor are asked for, whatever brought somebody there.
//!
//! A session is known by a random token in a cookie, which changes with every proof, so that nobody
//! can be made to use a token that somebody else knows.

use super::{Parts, User, credentials::Credentials, factors::Factors, login::deactivated, sessions::locked};
use crate::{
    Error, Result,
    access::{Visitor, gates::Gates},
    audit::{Action, Actor, Audit, Event, Origin},
    clock::Clock,
    config::IdentityProvider,
    error::ErrorKind,
    secrets::{self, Secrets, columns, hex},
    storage::{
        Storage,
        accounts::{self, AccountState},
        browser_sessions::{self as rows, BrowserSessionRow},
        numbers::UserNid,
        tokens::TokenHash,
    },
};

pub use crate::storage::browser_sessions::Stage;

/// What the tokens are hashed for.
const PURPOSE: &str = "browser session";
/// How long a session lasts that nobody uses, in milliseconds.
const IDLE_MS: i64 = 12 * 3600 * 1000;
/// How long a session lasts at most.
const LONGEST_MS: i64 = 14 * 24 * 3600 * 1000;
/// A session's use is noted once in so many milliseconds.
const NOTED_MS: i64 = 3600 * 1000;
/// How long somebody may take to come up with the second factor.
const HALFWAY_MS: i64 = 10 * 60 * 1000;
/// So many wrong codes end a sign-in.
const TRIES: i32 = 5;
/// How long a proof is good for acts that need a fresh one.
const FRESH_MS: i64 = 5 * 60 * 1000;

/// The sessions of all people on the pages.
#[derive(Clone, Debug)]
pub struct BrowserSessions {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    audit: Audit,
    credentials: Credentials,
    factors: Factors,
    gates: Gates,
}

/// Somebody on the pages.
#[derive(Clone, Debug)]
pub struct BrowserSession {
    /// Who it is, as services know callers; without a device.
    pub user: User,
    /// How far the sign-in has come: nothing but the second factor may be asked for before its end.
    pub stage: Stage,
    /// Whether the identity provider that it began with vouches for a second factor.
    pub has_vouched_factor: bool,
    /// Whether the account has a password.
    pub has_password: bool,
    hash: TokenHash,
    proved_at: i64,
}

impl BrowserSession {
    /// A name for the session by which the audit log tells it from others.
    fn tag(hash: &TokenHash) -> String {
        hex(&hash[..8])
    }
}

impl From<&BrowserSession> for Actor {
    fn from(session: &BrowserSession) -> Self {
        Self::from(&session.user).within(BrowserSession::tag(&session.hash))
    }
}

/// How somebody has proved who they are.
#[derive(Clone, Copy, Debug)]
enum Proof<'a> {
    /// By the password that has this hash.
    Password(&'a str),
    /// At an identity provider.
    Provider(&'a IdentityProvider),
    /// By everything that is needed.
    Everything,
}

/// A session as its owner sees it in a list.
#[derive(Clone, Debug)]
pub struct ListedSession {
    /// What the browser said it is.
    pub agent: Option<String>,
    /// When it began, in milliseconds since the epoch.
    pub created_at: i64,
    /// Whether it is the one that asks.
    pub is_this: bool,
}

impl BrowserSessions {
    /// The sessions in `storage`.
    pub fn new(parts: &Parts<'_>, credentials: Credentials, factors: Factors) -> Self {
        Self {
            storage: parts.storage.clone(),
            secrets: parts.secrets.clone(),
            clock: parts.clock.clone(),
            audit: parts.audit.clone(),
            credentials,
            factors,
            gates: parts.access.gates.clone(),
        }
    }

    /// Begins a session for who knows the password of `name`, a user ID or a localpart, in place of
    /// the session `former`. Returns its token, and whether the second factor is still awaited.
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        origin: &Origin,
        former: Option<&BrowserSession>,
    ) -> Result<(String, Stage)> {
        let account = self.credentials.find(name).await?;
        let claimed = account.as_ref().map(|account| (&*account.user_id, account.user));
        // Asked before, so that nobody learns whether the password was right.
        self.gates.login(&Visitor { user: claimed, address: Some(origin.address) }).await?;
        let proof = self.credentials.check(name, account.as_ref(), password, Some(origin.address)).await;
        if let Err(Error::Refused { kind: ErrorKind::LimitExceeded(_), .. }) = &proof {
            self.audit.record_lock_out("password", origin.into());
        }
        let failed = |reason| Event::new(Action::SignIn, origin).failed(reason);
        let (account, proof) = match (account, proof?) {
            (Some(account), Some(proof)) => (account, proof),
            (Some(account), None) => {
                self.audit.record(failed("bad_password").on(&account.user_id));
                return Err(if account.is_deactivated { deactivated() } else { wrong() });
            }
            (None, _) => {
                self.audit.record(failed("unknown_user"));
                return Err(wrong());
            }
        };
        let awaits_code = self.factors.is_on(account.user).await?;
        let stage = if awaits_code { Stage::Password } else { Stage::SignedIn };
        let token = self.begin(account.user, stage, origin, Proof::Password(&proof)).await?;
        if let Some(former) = former {
            self.end(former).await?;
        }
        Ok((token, stage))
    }

    /// The same for who has signed in at an identity provider, and owns an account that this opens.
    pub(in crate::accounts) async fn sign_in_by_provider(
        &self,
        user: UserNid,
        provider: &IdentityProvider,
        origin: &Origin,
        former: Option<&BrowserSession>,
    ) -> Result<(String, Stage)> {
        let user_id = self.storage.user_id(user).await?;
        self.gates.login(&Visitor { user: Some((&user_id, user)), address: Some(origin.address) }).await?;
        let awaits_code = !provider.trusted_second_factor && self.factors.is_on(user).await?;
        let stage = if awaits_code { Stage::Password } else { Stage::SignedIn };
        let begun = self.begin(user, stage, origin, Proof::Provider(provider)).await;
        if let Err(Error::Refused { .. }) = &begun {
            self.audit.record(Event::new(Action::SignIn, origin).on(&user_id).failed("account_refused"));
        }
        let token = begun?;
        if let Some(former) = former {
            self.end(former).await?;
        }
        Ok((token, stage))
    }

    /// Completes a sign-in by a code of the second factor; returns the token that the session has from
    /// now on. Too many wrong codes end it.
    pub async fn prove_code(&self, session: &BrowserSession, code: &str, origin: &Origin) -> Result<String> {
        // Counted before it is known whether it is wrong, so that guesses at the same time count too.
        if !rows::count_failure(&mut *self.storage.conn().await?, &session.hash, TRIES).await? {
            self.end(session).await?;
            return Err(Error::forbidden("There were too many wrong codes. Sign in again."));
        }
        self.factors.verify(session, session.user.nid, code).await.inspect_err(|_| {
            self.audit.record(Event::new(Action::FactorUsed, origin).on(&session.user.id).failed("bad_code"));
        })?;
        if !rows::delete(&mut *self.storage.conn().await?, &session.hash).await? {
            return Err(Error::forbidden("This sign-in has ended. Begin again."));
        }
        self.begin(session.user.nid, Stage::SignedIn, origin, Proof::Everything).await
    }

    /// Begins a session of somebody who has just made an account, or has just proved everything.
    pub async fn begin_proved(&self, user: UserNid, origin: &Origin) -> Result<String> {
        self.begin(user, Stage::SignedIn, origin, Proof::Everything).await
    }

    /// The session of `token`, if there is one and its account may be used.
    pub async fn find(&self, token: &str, origin: &Origin) -> Result<Option<BrowserSession>> {
        let hash = self.secrets.hash(PURPOSE, token);
        let now_ms = self.clock.now_ms();
        let mut conn = self.storage.conn().await?;
        let Some(row) = rows::find(&mut conn, &hash, now_ms).await? else { return Ok(None) };
        let expires_at = (now_ms + IDLE_MS).min(row.created_at + LONGEST_MS);
        if row.stage == Stage::SignedIn && expires_at - row.expires_at > NOTED_MS {
            rows::update_expiry(&mut conn, &hash, expires_at).await?;
        }
        drop(conn);
        let user_id = self.storage.user_id(row.user).await?;
        let account = accounts::find(&mut *self.storage.conn().await?, &user_id).await?;
        let usable = account.filter(|account| account.state() < AccountState::Locked);
        Ok(usable.map(|account| BrowserSession {
            has_password: account.password_hash.is_some(),
            user: User::of_account(account, origin.clone()),
            stage: row.stage,
            has_vouched_factor: row.has_vouched_factor,
            hash,
            proved_at: row.proved_at,
        }))
    }

    /// Whether everything was proved so lately that it need not be proved again.
    pub fn is_fresh(&self, session: &BrowserSession) -> bool {
        self.clock.now_ms() - session.proved_at < FRESH_MS
    }

    /// Lists the sessions of the caller.
    pub async fn list(&self, caller: &BrowserSession) -> Result<Vec<ListedSession>> {
        let rows = rows::list(&mut *self.storage.conn().await?, caller.user.nid, self.clock.now_ms()).await?;
        let listed = |(hash, row): (TokenHash, BrowserSessionRow)| {
            let open = |sealed: Vec<u8>| self.secrets.open_text(&columns::BROWSER_AGENT, &[&hex(&hash)], &sealed);
            let agent = row.agent.map(open).transpose()?;
            Ok(ListedSession { agent, created_at: row.created_at, is_this: hash == caller.hash })
        };
        rows.into_iter().map(listed).collect()
    }

    /// Ends a session.
    pub async fn end(&self, session: &BrowserSession) -> Result<()> {
        rows::delete(&mut *self.storage.conn().await?, &session.hash).await.map(drop)
    }

    /// Ends the other sessions of the caller.
    pub async fn end_others(&self, caller: &BrowserSession) -> Result<()> {
        rows::delete_of_user(&mut *self.storage.conn().await?, caller.user.nid, Some(&caller.hash)).await
    }

    /// A proof that a form was given to this browser: `visitor` is a random name that it has in a
    /// cookie, `token` that of its session.
    pub fn form_token(&self, visitor: &str, token: Option<&str>) -> String {
        let hash = self.secrets.hash("page form", &format!("{visitor} {}", token.unwrap_or_default()));
        secrets::encoded(&hash)
    }

    /// Begins a session, provided that the account may be used, and that its password is still the
    /// one that was proved to be known.
    async fn begin(&self, user: UserNid, stage: Stage, origin: &Origin, proof: Proof<'_>) -> Result<String> {
        let token = secrets::token("salon_browser_");
        let hash = self.secrets.hash(PURPOSE, &token);
        let now_ms = self.clock.now_ms();
        let agent = origin.user_agent.as_deref();
        let row = BrowserSessionRow {
            user,
            stage,
            failures: 0,
            has_vouched_factor: matches!(proof, Proof::Provider(provider) if provider.trusted_second_factor),
            proved_at: now_ms,
            agent: agent.map(|agent| self.secrets.seal(&columns::BROWSER_AGENT, &[&hex(&hash)], agent.as_bytes())),
            created_at: now_ms,
            expires_at: now_ms + if stage == Stage::SignedIn { IDLE_MS } else { HALFWAY_MS },
        };
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                match accounts::lock_shared(&mut tx, user).await? {
                    Some((_, AccountState::Deactivated)) => return Err(deactivated()),
                    Some((_, AccountState::Locked)) => return Err(locked()),
                    Some((hash, _)) if proof.holds(hash.as_deref()) => {}
                    _ => return Err(Error::forbidden("The password was changed a moment ago.")),
                }
                rows::insert(&mut tx, &hash, &row).await?;
                Ok(tx.commit().await?)
            })
            .await?;
        if stage == Stage::SignedIn {
            let user_id = self.storage.user_id(user).await?;
            let actor = Actor::user(&user_id, None, origin).within(BrowserSession::tag(&hash));
            let event = Event::new(Action::SignIn, actor).on(&user_id);
            self.audit.record(match proof {
                Proof::Provider(provider) => {
                    event.detail("method", "provider").detail("provider", provider.id.as_str())
                }
                Proof::Password(_) | Proof::Everything => event.detail("method", "page"),
            });
        }
        Ok(token)
    }
}

impl Proof<'_> {
    /// Whether it is still one, now that the hash of the password is this.
    fn holds(self, password_hash: Option<&str>) -> bool {
        match self {
            Self::Password(proved) => password_hash == Some(proved),
            Self::Provider(_) | Self::Everything => true,
        }
    }
}

fn wrong() -> Error {
    Error::forbidden("The user name or the password is wrong.")
}
