//! Lets scripts that know a shared secret create accounts, the way Synapse's
//! `register_new_matrix_user` does: a nonce, answered by a proof that the secret is known.

use hmac::{Hmac, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use super::{NewAccount, Registration};
use crate::{
    Error, Result,
    accounts::sessions::{NewSession, SessionRequest},
    audit::{Actor, Origin},
    secrets,
};

/// How long a nonce is good, in milliseconds.
const NONCE_MS: i64 = 60_000;

/// What a script asks for.
#[derive(serde::Deserialize)]
pub struct ScriptRequest {
    /// The nonce it was given.
    pub nonce: String,
    /// The account's name.
    pub username: String,
    /// Its password.
    pub password: String,
    /// Whether it is a server administrator's.
    #[serde(default)]
    pub admin: bool,
    /// A kind of user that Synapse knows; it is part of what the proof covers.
    pub user_type: Option<String>,
    /// The display name it begins with.
    pub displayname: Option<String>,
    /// HMAC-SHA-1 of all this under the shared secret, in hexadecimal.
    pub mac: String,
}

impl Registration {
    /// A nonce for one script. It proves by itself that this server made it and when, so that none
    /// has to be remembered; a request that is sent twice fails because the name is taken.
    pub fn nonce(&self) -> String {
        let expires_at = self.clock.now_ms() + NONCE_MS;
        self.sign_nonce(expires_at, &secrets::identifier(16))
    }

    /// Creates the account that a script asks for and begins a session for it.
    pub async fn create_by_script(&self, request: ScriptRequest, origin: &Origin) -> Result<NewSession> {
        self.check_nonce(&request.nonce)?;
        // The proof covers the name as it was sent, before capitals are lowered.
        if !bool::from(
            proof(self.script_secret.expose(), &request).as_bytes().ct_eq(request.mac.to_ascii_lowercase().as_bytes()),
        ) {
            return Err(Error::forbidden("The proof that the shared secret is known is wrong."));
        }
        let user_id = self.free_name(&request.username).await?;
        let new = NewAccount {
            password: Some(request.password),
            is_admin: request.admin,
            display_name: request.displayname,
            session: Some(SessionRequest::default()),
            ..NewAccount::of(user_id, Actor::operator().at(origin))
        };
        self.create(new).await?.ok_or_else(|| Error::internal("a session that was asked for was not begun"))
    }

    fn sign_nonce(&self, expires_at: i64, random: &str) -> String {
        let hash = self.secrets.hash("registration nonce", &format!("{expires_at}.{random}"));
        format!("{expires_at}.{random}.{}", hexadecimal(&hash))
    }

    fn check_nonce(&self, nonce: &str) -> Result<()> {
        let unknown = || Error::unknown("This nonce is not known or has expired.");
        let (expires_at, rest) = nonce.split_once('.').ok_or_else(unknown)?;
        let (random, _) = rest.split_once('.').ok_or_else(unknown)?;
        let expires_at: i64 = expires_at.parse().map_err(|_| unknown())?;
        let is_ours = bool::from(self.sign_nonce(expires_at, random).as_bytes().ct_eq(nonce.as_bytes()));
        if !is_ours || expires_at <= self.clock.now_ms() {
            return Err(unknown());
        }
        Ok(())
    }
}

/// The proof that a script which knows `secret` adds to `request`.
fn proof(secret: &str, request: &ScriptRequest) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    let role = if request.admin { "admin" } else { "notadmin" };
    let parts = [&*request.nonce, &*request.username, &*request.password, role];
    for (index, part) in parts.into_iter().chain(request.user_type.as_deref()).enumerate() {
        if index > 0 {
            mac.update(&[0]);
        }
        mac.update(part.as_bytes());
    }
    hexadecimal(&mac.finalize().into_bytes())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
