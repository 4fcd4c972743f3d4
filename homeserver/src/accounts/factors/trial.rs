//! Tries codes: each is good once, in whatever process, and too many wrong ones lock the factor.

use std::time::Duration;

use tracing::warn;

use super::{Code, Factors, off, rows};
use crate::{
    Error, Result,
    accounts::emails::Notice,
    audit::{Action, Actor, Event},
    secrets::columns,
    storage::{Conn, factors::FactorRow, numbers::UserNid},
};

/// So many wrong codes in a row lock the factor, and so many again for longer.
const TRIES: i32 = 5;
/// How long the first lock lasts; each further one twice as long as the one before.
const FIRST_LOCK_MS: i64 = 15 * 60 * 1000;
/// How long a lock lasts at most.
const LONGEST_LOCK_MS: i64 = 24 * 60 * 60 * 1000;

/// How somebody proved a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By the code of an authenticator app.
    App,
    /// By a recovery code; so many are left.
    RecoveryCode {
        /// How many are left.
        left: usize,
    },
}

/// What came of a code.
enum Trial {
    Proved(Proof),
    Wrong,
    /// Wrong, and it was one too many.
    Locking,
    Locked {
        until_ms: i64,
    },
    Off,
}

impl Factors {
    /// Uses up a code of an account's authenticator app, or a recovery code. Both share one counter
    /// of wrong codes, across all processes and entrances.
    pub async fn verify(&self, by: impl Into<Actor>, user: UserNid, code: &str) -> Result<Proof> {
        let Some(code) = Code::parse(code) else {
            // No guess at all, so it does not count.
            return Err(Error::forbidden("A code has six digits; a recovery code has sixteen letters and digits."));
        };
        let trial = self
            .storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                let trial = self.attempt(&mut tx, user, &code).await?;
                tx.commit().await?;
                Ok(trial)
            })
            .await?;
        match trial {
            Trial::Proved(proof) => {
                if let Proof::RecoveryCode { left } = proof {
                    let user_id = self.storage.user_id(user).await?;
                    let event = Event::new(Action::FactorUsed, by).on(&user_id);
                    self.audit.record(event.detail("kind", "recovery_code").detail("left", left));
                    self.emails.notify(user, &user_id, Notice::RecoveryCodeUsed(&left.to_string())).await;
                }
                Ok(proof)
            }
            Trial::Off => Err(off()),
            Trial::Wrong => Err(wrong()),
            Trial::Locking => {
                let user_id = self.storage.user_id(user).await?;
                let event = Event::new(Action::FactorLocked, Actor::server()).on(&user_id);
                self.audit.record(event.failed("too_many_codes"));
                self.emails.notify(user, &user_id, Notice::FactorLocked).await;
                warn!(user.id = %user_id, "Too many wrong codes locked the second factor of an account");
                Err(wrong())
            }
            Trial::Locked { until_ms } => {
                let wait_ms = u64::try_from(until_ms - self.clock.now_ms()).unwrap_or_default();
                let message = "There were too many wrong codes. Try again later.";
                Err(Error::limit_exceeded_by(message, Duration::from_millis(wait_ms)))
            }
        }
    }

    /// Tries a code while nobody else can: the account's row is held until the end of the transaction.
    async fn attempt(&self, tx: &mut Conn, user: UserNid, code: &Code) -> Result<Trial> {
        let Some(row) = rows::lock(tx, user).await? else { return Ok(Trial::Off) };
        let now_ms = self.clock.now_ms();
        if row.locked_until > now_ms {
            return Ok(Trial::Locked { until_ms: row.locked_until });
        }
        if let Some(proof) = self.spend(tx, user, &row, code, now_ms).await? {
            return Ok(Trial::Proved(proof));
        }
        let failures = row.failures.saturating_add(1);
        let is_one_too_many = failures % TRIES == 0;
        let locked_until = if is_one_too_many { now_ms + lock_ms(failures / TRIES) } else { 0 };
        rows::update_failures(tx, user, failures, locked_until).await?;
        Ok(if is_one_too_many { Trial::Locking } else { Trial::Wrong })
    }

    async fn spend(
        &self,
        tx: &mut Conn,
        user: UserNid,
        row: &FactorRow,
        code: &Code,
        now_ms: i64,
    ) -> Result<Option<Proof>> {
        match code {
            Code::App(digits) => {
                let secret = self.secrets.open(&columns::TOTP_SECRET, &[&user.0], &row.secret)?;
                let Some(step) = self.step(&secret, digits, now_ms)? else { return Ok(None) };
                Ok(rows::spend_step(tx, user, step).await?.then_some(Proof::App))
            }
            Code::Recovery(code) => {
                if !rows::spend_recovery_code(tx, user, &self.recovery_hash(user, code)).await? {
                    return Ok(None);
                }
                let left = usize::try_from(rows::count_recovery_codes(tx, user).await?).unwrap_or_default();
                Ok(Some(Proof::RecoveryCode { left }))
            }
        }
    }
}

/// How long the lock number `count` lasts, the first being number 1.
fn lock_ms(count: i32) -> i64 {
    let doublings = u32::try_from(count - 1).unwrap_or_default().min(16);
    (FIRST_LOCK_MS << doublings).min(LONGEST_LOCK_MS)
}

fn wrong() -> Error {
    Error::forbidden("This code is wrong, or was used before. Wait for the next one.")
}
