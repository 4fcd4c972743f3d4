//! Applications exchange what they have for tokens. RFC 6749 sections 4.1.3 and 6.

use ruma::{DeviceId, OwnedDeviceId};
use zeroize::Zeroizing;

use super::{
    Client, Fault, FaultKind, OAuth, Outcome, Parameters, authorization,
    clients::{CODE, DEVICE, REFRESH},
    pkce,
};
use crate::{
    Error, Result,
    accounts::{
        emails::Notice,
        sessions::{Origin, Refreshed, SessionRequest, Tokens},
    },
    audit::{self, Action, Actor, Event},
    storage::{
        Conn,
        accounts::{self, AccountState},
        numbers::UserNid,
        oauth::{
            clients,
            codes::{self, CodeRow},
            sessions::{self, OAuthSessionRow},
        },
    },
};

/// How long a spent code is remembered, in milliseconds, to notice when it turns up again.
const SPENT_MS: i64 = 24 * 3600 * 1000;
/// A code that is sent again so soon was not stolen: its application did not get the answer, or was in
/// a hurry.
const HURRY_MS: i64 = 20_000;

/// Tokens for an application.
pub struct TokenAnswer {
    /// The tokens.
    pub tokens: Tokens,
    /// What they are good for.
    pub scope: String,
}

/// What became of a code.
enum Trial {
    Good(TokenAnswer, UserNid, OwnedDeviceId),
    /// It was used before: what came of it may be a thief's.
    Stolen(UserNid, OwnedDeviceId),
    Bad(&'static str),
}

impl OAuth {
    /// Exchanges a code, a device code or a refresh token.
    pub async fn exchange(&self, parameters: &Parameters, origin: &audit::Origin) -> Outcome<TokenAnswer> {
        let repeated =
            ["grant_type", "code", "redirect_uri", "client_id", "code_verifier", "refresh_token", "device_code"];
        if repeated.iter().any(|name| parameters.is_repeated(name)) {
            return Err(Fault::invalid_request("No parameter may be there more than once."));
        }
        let required = |name: &'static str| {
            parameters.get(name).ok_or_else(|| Fault::invalid_request(format!("The parameter {name} is missing.")))
        };
        let grant_type = required("grant_type")?;
        if ![CODE, DEVICE, REFRESH].contains(&grant_type) {
            return Err(Fault::refused(FaultKind::UnsupportedGrantType, "There is no such grant_type here."));
        }
        let client = self.known_client(required("client_id")?, grant_type).await?;
        match grant_type {
            CODE => {
                let verifier = required("code_verifier")?;
                let (code, redirect_uri) = (required("code")?, required("redirect_uri")?);
                self.exchange_code(&client, code, redirect_uri, verifier, origin).await
            }
            DEVICE => self.exchange_device_code(&client, required("device_code")?, origin).await,
            _ => self.refresh(&client, required("refresh_token")?, origin).await,
        }
    }

    /// A registered application that may use this way.
    pub(super) async fn known_client(&self, id: &str, grant_type: &str) -> Outcome<Client> {
        let Some(client) = self.client(id).await? else {
            return Err(Fault::refused(FaultKind::InvalidClient, "This application is not registered here."));
        };
        if !client.may_use(grant_type) {
            return Err(Fault::refused(FaultKind::UnauthorizedClient, "The application is not registered for this."));
        }
        Ok(client)
    }

    async fn exchange_code(
        &self,
        client: &Client,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
        origin: &audit::Origin,
    ) -> Outcome<TokenAnswer> {
        if !pkce::is_verifier(verifier) {
            return Err(Fault::invalid_request("A code_verifier has 43 to 128 letters, digits and - . _ ~."));
        }
        let hash = self.secrets.hash(authorization::PURPOSE, code);
        let trial = self
            .storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                let now_ms = self.clock.now_ms();
                let Some(row) = codes::lock(&mut tx, &hash).await? else {
                    return Ok(Trial::Bad("This code is not known."));
                };
                if let Some(refusal) = refuse_code(&row, client, redirect_uri, verifier, now_ms) {
                    return Ok(refusal);
                }
                let Some(answer) = self.begin(&mut tx, row.user, client, &row.device_id, &row.scope).await? else {
                    return Ok(Trial::Bad("The account cannot be used any more."));
                };
                codes::spend(&mut tx, &hash, now_ms, now_ms + SPENT_MS).await?;
                tx.commit().await?;
                Ok(Trial::Good(answer, row.user, row.device_id))
            })
            .await?;
        match trial {
            Trial::Good(answer, user, device_id) => {
                self.sessions.forget(user);
                self.note_sign_in(user, device_id, client, origin).await?;
                Ok(answer)
            }
            Trial::Stolen(user, device_id) => {
                let user_id = self.storage.user_id(user).await?;
                self.audit.record(Event::new(Action::TokenReused, origin).on(&user_id).failed("oauth_code_reused"));
                self.sessions.end(origin, user, &[device_id]).await?;
                Err(Fault::invalid_grant("This code was used before."))
            }
            Trial::Bad(message) => Err(Fault::invalid_grant(message)),
        }
    }

    /// Begins an application's session inside a transaction, unless the account cannot be used. Forget
    /// the user's sessions after the commit.
    pub(super) async fn begin(
        &self,
        tx: &mut Conn,
        user: UserNid,
        client: &Client,
        device_id: &DeviceId,
        scope: &str,
    ) -> Result<Option<TokenAnswer>> {
        match accounts::lock_shared(tx, user).await? {
            Some((_, AccountState::Active | AccountState::Suspended)) => {}
            _ => return Ok(None),
        }
        let request = SessionRequest {
            device_id: Some(device_id.to_owned()),
            display_name: Some(client.name().to_owned()),
            is_refreshable: true,
            origin: Origin::OAuth,
        };
        let (_, tokens) = self.sessions.begin(tx, user, &request).await?;
        let now_ms = self.clock.now_ms();
        let session = OAuthSessionRow { client_id: client.id.clone(), scope: scope.to_owned() };
        sessions::upsert(tx, user, device_id, &session, now_ms).await?;
        clients::update_used(tx, &client.id, now_ms).await?;
        Ok(Some(TokenAnswer { tokens, scope: scope.to_owned() }))
    }

    /// Notes that an application has begun a session, and tells the user.
    pub(super) async fn note_sign_in(
        &self,
        user: UserNid,
        device_id: OwnedDeviceId,
        client: &Client,
        origin: &audit::Origin,
    ) -> Result<()> {
        let user_id = self.storage.user_id(user).await?;
        let event = Event::new(Action::SignIn, Actor::user(&user_id, Some(device_id), origin)).on(&user_id);
        self.audit.record(event.detail("method", "oauth").detail("client", client.id.as_str()));
        if self.emails.tell_of_sign_ins() {
            let address = origin.address.to_string();
            let notice = Notice::NewSignIn { device: client.name(), address: &address };
            self.emails.notify(user, &user_id, notice).await;
        }
        Ok(())
    }

    async fn refresh(&self, client: &Client, token: &str, origin: &audit::Origin) -> Outcome<TokenAnswer> {
        let token = Zeroizing::new(token.to_owned());
        match self.sessions.refresh_by_oauth(&token, &client.id, origin).await {
            Ok(Refreshed { tokens, scope }) => Ok(TokenAnswer { tokens, scope }),
            Err(Error::Refused { message, .. }) => Err(Fault::invalid_grant(message)),
            Err(fault) => Err(fault.into()),
        }
    }
}

/// Why a code is not good, if it is not.
fn refuse_code(row: &CodeRow, client: &Client, redirect_uri: &str, verifier: &str, now_ms: i64) -> Option<Trial> {
    if let Some(spent_at) = row.spent_at {
        let is_hurry = now_ms - spent_at <= HURRY_MS;
        let stolen = || Trial::Stolen(row.user, row.device_id.clone());
        return Some(if is_hurry { Trial::Bad("This code was used before.") } else { stolen() });
    }
    if row.expires_at <= now_ms {
        return Some(Trial::Bad("This code has expired."));
    }
    if row.client_id != client.id {
        return Some(Trial::Bad("This code was given to another application."));
    }
    if row.redirect_uri != redirect_uri {
        return Some(Trial::Bad("The redirect_uri is not the one that the code was sent to."));
    }
    if !pkce::is_proved(&row.challenge, verifier) {
        return Some(Trial::Bad("The code_verifier is not that of the code."));
    }
    None
}
