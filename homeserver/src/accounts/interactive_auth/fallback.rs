//! Stages that are completed on a page of this server, for clients that do not know them. Client-server
//! API, "Fallback".

use std::net::IpAddr;

use ruma::{OwnedUserId, api::client::uiaa::AuthType};

use super::{InteractiveAuth, Purpose, Stage, progress};
use crate::{
    Error, Result,
    accounts::browser_sessions::BrowserSession,
    audit::{Action, Event},
    storage::{
        interactive_auth::{self as rows, SessionRow},
        tokens::TokenHash,
    },
};

/// An authentication that waits for its stages.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Whose will has to be proved; nobody's yet at registration.
    pub user_id: Option<OwnedUserId>,
    /// What it is about.
    pub purpose: Purpose,
    /// Whether the stage is a captcha.
    pub wants_captcha: bool,
}

impl InteractiveAuth {
    /// What the authentication `session` is about, provided that it has a stage of that `kind`, which
    /// a page can complete.
    pub async fn pending(&self, session: &str, kind: &str) -> Result<Pending> {
        let hash = self.session_hash(session);
        let mut conn = self.storage.conn().await?;
        let row = rows::find(&mut conn, &hash, self.clock.now_ms()).await?;
        let purpose = rows::find_purpose(&mut conn, &hash).await?;
        drop(conn);
        let unknown = || Error::not_found("This request is not known, or has expired. Go back to your app.");
        let row = row.ok_or_else(unknown)?;
        let purpose = purpose.as_deref().and_then(Purpose::find).ok_or_else(unknown)?;
        let stage = Stage::find(&kind.into()).filter(|stage| self.has_page(&row, *stage));
        let stage = stage.ok_or_else(|| Error::not_found("This cannot be confirmed here. Go back to your app."))?;
        let user_id = match row.user {
            Some(user) => Some(self.storage.user_id(user).await?),
            None => None,
        };
        let wants_captcha = matches!(stage, Stage::Recaptcha | Stage::OtherCaptcha);
        Ok(Pending { user_id, purpose, wants_captcha })
    }

    /// Completes the authentication `session` by the will of who is signed in, and has proved that a
    /// moment ago.
    pub async fn complete_by_sso(&self, session: &str, by: &BrowserSession) -> Result<()> {
        let pending = self.pending(session, AuthType::Sso.as_str()).await?;
        if pending.user_id.as_ref() != Some(&by.user.id) {
            return Err(Error::forbidden("Only the user of this session can confirm this."));
        }
        self.complete(session, Stage::Sso, None).await?;
        let event = Event::new(Action::ConsentGiven, by).on(&by.user.id);
        self.audit.record(event.detail("what", pending.purpose.name().replace([' ', '-'], "_")));
        Ok(())
    }

    /// Completes a registration's authentication `session` by a registration token.
    pub async fn complete_by_registration_token(&self, session: &str, token: &str) -> Result<()> {
        self.pending(session, AuthType::RegistrationToken.as_str()).await?;
        let hash = self.registration_token(token).await?;
        self.complete(session, Stage::RegistrationToken, Some(hash)).await
    }

    /// Completes a registration's authentication `session` where nothing has to be proved.
    pub async fn complete_by_nothing(&self, session: &str) -> Result<()> {
        self.pending(session, AuthType::Dummy.as_str()).await?;
        self.complete(session, Stage::Dummy, None).await
    }

    /// Completes a registration's authentication `session` by accepting the documents.
    pub async fn complete_by_terms(&self, session: &str) -> Result<()> {
        self.pending(session, AuthType::Terms.as_str()).await?;
        self.complete(session, Stage::Terms, None).await
    }

    /// Completes a registration's authentication `session` by the answer to the captcha, which somebody at
    /// `address` has solved.
    pub async fn complete_by_captcha(&self, session: &str, answer: &str, address: IpAddr) -> Result<()> {
        let stage = self.captcha().map(Stage::of_captcha);
        let stage = stage.ok_or_else(|| Error::not_found("This cannot be confirmed here. Go back to your app."))?;
        self.pending(session, stage.kind().as_str()).await?;
        // Looked at first, because an answer is good once.
        if self.next(session, stage).await?.is_some() {
            self.check_captcha(answer, address).await?;
        }
        self.complete(session, stage, None).await
    }

    /// The hash of a registration token with which somebody could register now; others are refused.
    pub(in crate::accounts) async fn registration_token(&self, token: &str) -> Result<TokenHash> {
        let hash = self.good_registration_token(token).await?;
        hash.ok_or_else(|| Error::forbidden("This registration token is not good."))
    }

    /// Whether an authentication has this stage, and a page can complete it.
    fn has_page(&self, row: &SessionRow, stage: Stage) -> bool {
        match stage {
            Stage::Sso => row.user.is_some(),
            Stage::RegistrationToken | Stage::Recaptcha | Stage::OtherCaptcha | Stage::Terms | Stage::Dummy => {
                row.user.is_none()
                    && self.flows_to_register(self.requires_email).iter().flatten().any(|of| *of == stage)
            }
            Stage::Password | Stage::Email => false,
        }
    }

    async fn complete(&self, session: &str, stage: Stage, registration_token: Option<TokenHash>) -> Result<()> {
        let Some((row, mut completed)) = self.next(session, stage).await? else { return Ok(()) };
        completed.push(stage);
        let completed = progress::written(&completed)?;
        let registration_token_hash = registration_token.or(row.registration_token_hash);
        let row = SessionRow { completed, registration_token_hash, ..row };
        rows::update(&mut *self.storage.conn().await?, &self.session_hash(session), &row).await
    }

    /// The authentication `session` whose next stage this is, and the stages before it; none if the stage is
    /// completed already.
    async fn next(&self, session: &str, stage: Stage) -> Result<Option<(SessionRow, Vec<Stage>)>> {
        let hash = self.session_hash(session);
        let Some(row) = rows::find(&mut *self.storage.conn().await?, &hash, self.clock.now_ms()).await? else {
            return Err(Error::not_found("This request is not known, or has expired. Go back to your app."));
        };
        let completed = progress::stages(&row)?;
        if completed.contains(&stage) {
            return Ok(None);
        }
        let flows = if row.user.is_some() { vec![vec![stage]] } else { self.flows_to_register(self.requires_email) };
        if !progress::is_next(&flows, &completed, stage) {
            return Err(Error::forbidden("Something else comes first. Go back to your app."));
        }
        Ok(Some((row, completed)))
    }
}
