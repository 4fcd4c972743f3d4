//! Hashes and checks passwords, on blocking threads and never more at once than there are cores.

mod breached;

use std::{borrow::Cow, sync::Arc, thread::available_parallelism};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{
        PasswordHasher, PasswordVerifier,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};
use ruma::UserId;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use self::breached::Breached;
use crate::{Error, Result, config::Passwords as Config, error::ErrorKind, metrics::Metrics};

#[cfg(test)]
mod tests;

/// Most bytes of a password.
const LONGEST: usize = 512;

/// The outcome of checking a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the password, or there is none.
    Wrong,
    /// It is.
    Right,
    /// It is, but its hash was made with other parameters than those configured now.
    RightButOutdated,
}

/// Hashes passwords; clones share the permits.
#[derive(Clone, Debug)]
pub struct Passwords {
    argon2: Argon2<'static>,
    minimum_length: usize,
    minimum_strength: u8,
    breached: Option<Breached>,
    permits: Arc<Semaphore>,
    metrics: Metrics,
    /// A hash that no known password has, to be checked where there is no account.
    decoy: Arc<str>,
}

impl Passwords {
    /// Hashing with the configured parameters.
    pub fn new(config: &Config) -> Result<Self> {
        let impossible = |fault| Error::internal(format!("passwords: these parameters are not possible: {fault}"));
        let params = Params::new(config.memory_kib, config.passes, config.lanes, None).map_err(impossible)?;
        let cores = available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            decoy: decoy(&params)?,
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            minimum_length: config.minimum_length,
            minimum_strength: config.minimum_strength(),
            breached: config.breached_file.as_deref().map(Breached::open).transpose()?,
            permits: Arc::new(Semaphore::new(cores)),
            metrics: Metrics::default(),
        })
    }

    /// The same, counting into `metrics`.
    #[must_use]
    pub fn measured(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// Refuses a new password of a user that is too short, longer than any person types, easy to
    /// guess, or known to be stolen.
    pub async fn check_new(&self, password: &str, user_id: &UserId) -> Result<()> {
        self.check_length(password)?;
        if self.minimum_strength == 0 && self.breached.is_none() {
            return Ok(());
        }
        let (minimum, breached, user_id) = (self.minimum_strength, self.breached.clone(), user_id.to_owned());
        self.on_a_core(password, move |password| {
            if let Some(list) = breached
                && list.contains(password)?
            {
                return Err(weak("This password was stolen somewhere and is known to many. Choose another one."));
            }
            check_strength(&String::from_utf8_lossy(password), minimum, &user_id)
        })
        .await
    }

    fn check_length(&self, password: &str) -> Result<()> {
        if password.len() > LONGEST {
            return Err(Error::invalid_param(format!("A password has at most {LONGEST} bytes.")));
        }
        if password.chars().count() < self.minimum_length {
            return Err(weak(format!("A password needs at least {} characters.", self.minimum_length)));
        }
        Ok(())
    }

    /// The hash to store for `password`, as a PHC string.
    pub async fn hash(&self, password: &str) -> Result<String> {
        let argon2 = self.argon2.clone();
        self.metrics.password_hash();
        self.on_a_core(password, move |password| {
            let hash = argon2.hash_password(password).map_err(unusable)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `password` is the one that was hashed. Where there is no hash, it takes as long.
    pub async fn check(&self, password: &str, hash: Option<&str>) -> Result<Verdict> {
        if password.len() > LONGEST {
            return Ok(Verdict::Wrong);
        }
        let argon2 = self.argon2.clone();
        self.metrics.password_hash();
        let is_known = hash.is_some();
        let hash = hash.unwrap_or(&self.decoy).to_owned();
        self.on_a_core(password, move |password| {
            let hash = PasswordHash::new(&hash)
                .map_err(|fault| Error::internal(format!("a stored password hash is unreadable: {fault}")))?;
            let is_right = argon2.verify_password(password, &hash).is_ok();
            let current = ParamsString::try_from(argon2.params()).map_err(unusable)?;
            Ok(match (is_known && is_right, hash.params == current) {
                (false, _) => Verdict::Wrong,
                (true, true) => Verdict::Right,
                (true, false) => Verdict::RightButOutdated,
            })
        })
        .await
    }

    async fn on_a_core<T: Send + 'static>(
        &self,
        password: &str,
        work: impl FnOnce(&[u8]) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let password = Zeroizing::new(password.as_bytes().to_vec());
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| Error::internal("the permits for hashing are closed"))?;
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work(&password);
            drop(permit);
            outcome
        });
        done.await.map_err(|fault| Error::internal(format!("hashing a password panicked: {fault}")))?
    }
}

/// Refuses a password that is guessed too soon by who knows dictionaries, keyboards, and the user's ID.
fn check_strength(password: &str, minimum: u8, user_id: &UserId) -> Result<()> {
    if minimum == 0 {
        return Ok(());
    }
    let estimate = zxcvbn::zxcvbn(password, &[user_id.localpart(), user_id.server_name().as_str()]);
    if u8::from(estimate.score()) >= minimum {
        return Ok(());
    }
    Err(weak(match estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning) {
        Some(warning) => format!("This password is too easy to guess. {warning}"),
        None => "This password is too easy to guess.".to_owned(),
    }))
}

fn weak(message: impl Into<Cow<'static, str>>) -> Error {
    Error::refused(ErrorKind::WeakPassword, message)
}

/// A well-formed hash of nothing: checking it takes as long as checking a real one.
fn decoy(params: &Params) -> Result<Arc<str>> {
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(unusable)?,
        salt: Some(Salt::new(&[0; 16]).map_err(unusable)?),
        hash: Some(Output::new(&rand::random::<[u8; 32]>()).map_err(unusable)?),
    };
    Ok(hash.to_string().into())
}

fn unusable(fault: impl std::fmt::Display) -> Error {
    Error::internal(format!("a password could not be hashed: {fault}"))
}
