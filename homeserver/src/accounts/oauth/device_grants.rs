//! Devices without a browser: they show a code, which their user types on another device. RFC 8628;
//! client-server API, "Device authorisation flow".

use ruma::OwnedDeviceId;

use super::{
    Client, Fault, FaultKind, OAuth, Outcome, Parameters, TokenAnswer, authorization::consent, clients::DEVICE,
    scope::Scope,
};
use crate::{
    Error, Result,
    accounts::browser_sessions::BrowserSession,
    audit::Origin,
    secrets,
    storage::{
        fault,
        numbers::UserNid,
        oauth::device_grants::{self as rows, GrantRow, GrantState},
        tokens::TokenHash,
    },
};

/// What the codes are hashed for.
const DEVICE_CODE: &str = "oauth device code";
const USER_CODE: &str = "oauth user code";
/// How long a device waits, in milliseconds.
const LIFETIME_MS: i64 = 30 * 60 * 1000;
/// How long it waits between two questions, at first and then longer by as much.
const INTERVAL_MS: i64 = 5000;
/// Letters of user codes: no vowels, so that no words come about, and none that look like others.
const ALPHABET: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";
/// How many there are: 34 bits, which nobody guesses in half an hour at the rate that is allowed.
const LENGTH: usize = 8;
/// Tries to find a code that no other device has.
const TRIES: usize = 5;

/// What a device gets, to wait and to show.
#[derive(Clone, Debug)]
pub struct DeviceCodes {
    /// What it polls with.
    pub device_code: String,
    /// What its user types.
    pub user_code: String,
    /// How long both are good, in seconds.
    pub expires_in_s: i64,
    /// How long it waits between two questions, in seconds.
    pub interval_s: i64,
}

/// A device that waits, as its user sees it.
#[derive(Clone, Debug)]
pub struct WaitingDevice {
    /// Its application.
    pub client: Client,
    /// The device that the session will have.
    pub device_id: OwnedDeviceId,
    /// The code, as the device shows it.
    pub user_code: String,
}

/// What a device learns when it polls.
enum Poll {
    Good(TokenAnswer, UserNid, OwnedDeviceId),
    Fault(FaultKind, &'static str),
}

impl OAuth {
    /// Begins to wait for a device's user.
    pub async fn begin_waiting(&self, parameters: &Parameters) -> Outcome<DeviceCodes> {
        if ["client_id", "scope"].iter().any(|name| parameters.is_repeated(name)) {
            return Err(Fault::invalid_request("No parameter may be there more than once."));
        }
        let missing = || Fault::invalid_request("The parameter client_id is missing.");
        let client = self.known_client(parameters.get("client_id").ok_or_else(missing)?, DEVICE).await?;
        let invalid = |message| Fault::refused(FaultKind::InvalidScope, message);
        let scope = Scope::parse(parameters.text("scope")).map_err(invalid)?;
        let device_code = secrets::token("salon_device_");
        let row = GrantRow {
            client_id: client.id,
            device_id: scope.device_id,
            scope: scope.granted,
            state: GrantState::Waiting,
            user: None,
            polled_at: 0,
            interval_ms: INTERVAL_MS,
            expires_at: self.clock.now_ms() + LIFETIME_MS,
        };
        let user_code = self.store(&self.secrets.hash(DEVICE_CODE, &device_code), &row).await?;
        Ok(DeviceCodes {
            device_code,
            user_code: shown(&user_code),
            expires_in_s: LIFETIME_MS / 1000,
            interval_s: INTERVAL_MS / 1000,
        })
    }

    /// The device that shows what somebody typed.
    pub async fn waiting_device(&self, typed: &str) -> Result<WaitingDevice> {
        let code = read(typed);
        let now_ms = self.clock.now_ms();
        let found = rows::find_waiting(&mut *self.storage.conn().await?, &self.user_code_hash(&code), now_ms).await?;
        let (client_id, device_id) = found.ok_or_else(unknown)?;
        let client = self.client(&client_id).await?.ok_or_else(unknown)?;
        Ok(WaitingDevice { client, device_id, user_code: shown(&code) })
    }

    /// Lets a device in as who is signed in, or not.
    pub async fn decide(&self, typed: &str, is_allowed: bool, by: &BrowserSession) -> Result<()> {
        let device = self.waiting_device(typed).await?;
        let state = if is_allowed { GrantState::Allowed } else { GrantState::Refused };
        let hash = self.user_code_hash(&read(typed));
        let mut conn = self.storage.conn().await?;
        if !rows::decide(&mut conn, &hash, state, by.user.nid, self.clock.now_ms()).await? {
            return Err(unknown());
        }
        drop(conn);
        let event = consent(by, &device.client, device.device_id.as_str());
        self.audit.record(if is_allowed { event } else { event.failed("refused") });
        Ok(())
    }

    pub(super) async fn exchange_device_code(
        &self,
        client: &Client,
        code: &str,
        origin: &Origin,
    ) -> Outcome<TokenAnswer> {
        let hash = self.secrets.hash(DEVICE_CODE, code);
        match self.storage.retry(|| self.poll(client, &hash)).await? {
            Poll::Good(answer, user, device_id) => {
                self.sessions.forget(user);
                self.note_sign_in(user, device_id, client, origin).await?;
                Ok(answer)
            }
            Poll::Fault(kind, message) => Err(Fault::refused(kind, message)),
        }
    }

    async fn poll(&self, client: &Client, hash: &TokenHash) -> Result<Poll> {
        let refused = |message| Ok(Poll::Fault(FaultKind::InvalidGrant, message));
        let now_ms = self.clock.now_ms();
        let mut tx = self.storage.begin().await?;
        let Some(row) = rows::lock(&mut tx, hash).await? else { return refused("This device code is not known.") };
        if row.client_id != client.id {
            return refused("This device code was given to another application.");
        }
        if row.expires_at <= now_ms {
            return Ok(Poll::Fault(FaultKind::ExpiredToken, "Nobody decided in time."));
        }
        if now_ms - row.polled_at < row.interval_ms {
            rows::update_polled(&mut tx, hash, now_ms, row.interval_ms + INTERVAL_MS).await?;
            tx.commit().await?;
            return Ok(Poll::Fault(FaultKind::SlowDown, "Ask less often."));
        }
        let poll = match (row.state, row.user) {
            (GrantState::Allowed, Some(user)) => {
                rows::delete(&mut tx, hash).await?;
                match self.begin(&mut tx, user, client, &row.device_id, &row.scope).await? {
                    Some(answer) => Poll::Good(answer, user, row.device_id),
                    None => Poll::Fault(FaultKind::InvalidGrant, "The account cannot be used any more."),
                }
            }
            (GrantState::Refused, _) => {
                rows::delete(&mut tx, hash).await?;
                Poll::Fault(FaultKind::AccessDenied, "The user did not allow it.")
            }
            _ => {
                rows::update_polled(&mut tx, hash, now_ms, row.interval_ms).await?;
                Poll::Fault(FaultKind::AuthorizationPending, "The user has not decided yet.")
            }
        };
        tx.commit().await?;
        Ok(poll)
    }

    /// Stores a request under a user code that no other has, and returns that code.
    async fn store(&self, device_code: &TokenHash, row: &GrantRow) -> Result<String> {
        for _ in 0..TRIES {
            let code = secrets::text(LENGTH, ALPHABET);
            let mut conn = self.storage.conn().await?;
            match rows::insert(&mut conn, device_code, &self.user_code_hash(&code), row).await {
                Err(error) if fault::is_duplicate(&error) => {}
                outcome => return outcome.map(|()| code),
            }
        }
        Err(Error::internal("no user code is free"))
    }

    fn user_code_hash(&self, code: &str) -> TokenHash {
        self.secrets.hash(USER_CODE, code)
    }
}

/// A code as people read it: in two halves.
fn shown(code: &str) -> String {
    let (first, second) = code.split_at_checked(LENGTH / 2).unwrap_or((code, ""));
    format!("{first}-{second}")
}

/// A code as somebody typed it, with or without capitals and hyphens.
fn read(typed: &str) -> String {
    typed.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).take(LENGTH * 2).collect()
}

fn unknown() -> Error {
    Error::not_found("No device shows this code now. Look at it again, or begin anew on the device.")
}
