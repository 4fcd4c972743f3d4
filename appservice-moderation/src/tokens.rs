//! Tokens by which programs act for people, within a role.

use ruma::UserId;

use crate::{
    Error, Result,
    clock::Clock,
    ids,
    roles::{Role, Roles},
    storage::{self, Storage},
};

/// What tokens begin with, so that people and scanners know them.
const PREFIX: &str = "smt_";
/// Letters and digits after that: 200 bits.
const LENGTH: usize = 40;
/// Most characters of a label.
const LONGEST_LABEL: usize = 100;
/// Most tokens of one person.
const MOST: usize = 50;

pub use storage::tokens::Token;

/// Makes, knows and ends tokens; clones share it.
#[derive(Clone, Debug)]
pub struct Tokens {
    storage: Storage,
    clock: Clock,
    roles: Roles,
}

impl Tokens {
    /// The tokens of those who have `roles`.
    pub fn new(storage: Storage, clock: Clock, roles: Roles) -> Self {
        Self { storage, clock, roles }
    }

    /// Makes a token for `user`; it is shown this once. It may no more than `role`, and no more than the
    /// user may at the time.
    pub async fn make(&self, user: &UserId, role: Role, label: &str, for_ms: Option<i64>) -> Result<(Token, String)> {
        let label = label.trim();
        if label.is_empty() || label.chars().count() > LONGEST_LABEL {
            return Err(Error::invalid(format!("A token needs a name of 1 to {LONGEST_LABEL} characters.")));
        }
        match self.roles.of(user).await? {
            None => return Err(Error::forbidden(format!("{user} has no role."))),
            Some(own) if own < role => return Err(Error::forbidden(format!("{user} is no {}.", role.name()))),
            Some(_) => {}
        }
        if self.list(user).await?.len() >= MOST {
            return Err(Error::forbidden("There are too many tokens; revoke some."));
        }
        let now_ms = self.clock.now_ms();
        let secret = format!("{PREFIX}{}", ids::random(LENGTH));
        let token = Token {
            token_id: ids::random(8),
            user_id: user.to_owned(),
            role: role.name().to_owned(),
            label: label.to_owned(),
            created_at: now_ms,
            expires_at: for_ms.map(|length| now_ms.saturating_add(length)),
            last_used_at: None,
        };
        let hash = ids::fingerprint(&secret);
        storage::tokens::insert(&mut *self.storage.conn().await?, &token, &hash).await?;
        Ok((token, secret))
    }

    /// Who shows a token, and what they may.
    pub async fn authenticate(&self, secret: &str) -> Result<(Token, Role)> {
        let unknown = || Error::refused(crate::error::Refusal::Unauthorized, "This token is not, or no longer, good.");
        let now_ms = self.clock.now_ms();
        let mut conn = self.storage.conn().await?;
        let token = storage::tokens::find(&mut conn, &ids::fingerprint(secret), now_ms).await?.ok_or_else(unknown)?;
        let own = self.roles.of(&token.user_id).await?.ok_or_else(unknown)?;
        if token.last_used_at.is_none_or(|at| now_ms - at > 60_000) {
            storage::tokens::touch(&mut conn, &token.token_id, now_ms).await?;
        }
        let role = Role::parse(&token.role)?.min(own);
        Ok((token, role))
    }

    /// The tokens of a user.
    pub async fn list(&self, user: &UserId) -> Result<Vec<Token>> {
        storage::tokens::list(&mut *self.storage.conn().await?, user, self.clock.now_ms()).await
    }

    /// Ends a token.
    pub async fn revoke(&self, user: &UserId, token_id: &str) -> Result<()> {
        let now_ms = self.clock.now_ms();
        match storage::tokens::revoke(&mut *self.storage.conn().await?, user, token_id, now_ms).await? {
            true => Ok(()),
            false => Err(Error::not_found("You have no such token.")),
        }
    }
}
