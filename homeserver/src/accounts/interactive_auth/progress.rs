//! How far an authentication has come. Stored, so that any process can go on with it.

use std::net::IpAddr;

use ruma::api::client::uiaa::AuthType;

use super::{Flow, InteractiveAuth, Purpose, Stage};
use crate::{
    Error, Result,
    accounts::{
        User,
        emails::{Proved, Purpose as ProofOf},
    },
    secrets,
    storage::{
        interactive_auth::{self as rows, SessionRow},
        tokens::TokenHash,
    },
};

/// How long an authentication may take, in milliseconds.
const LIFETIME_MS: i64 = 15 * 60 * 1000;

/// What has to be proved.
pub(super) struct Demand<'a> {
    /// Whose will, if it is somebody with an account.
    pub(super) caller: Option<&'a User>,
    /// For what.
    pub(super) operation_hash: [u8; 32],
    /// The same for people to read.
    pub(super) purpose: Purpose,
    /// How: one of these.
    pub(super) flows: Vec<Flow>,
    /// What an e-mail address is proved for. That is always the last stage, so the proof is not
    /// stored.
    pub(super) email: ProofOf,
    /// From where it is asked for.
    pub(super) address: IpAddr,
}

/// What has been proved so far.
#[derive(Debug)]
pub(super) struct Progress {
    /// The session's name, which is known to the client once it is stored.
    pub(super) session: String,
    /// Whether it is stored.
    pub(super) is_stored: bool,
    /// The completed stages, in their order.
    pub(super) completed: Vec<Stage>,
    /// The registration token that was shown.
    pub(super) registration_token: Option<TokenHash>,
    /// The e-mail address that was proved.
    pub(super) email: Option<Proved>,
}

impl Demand<'_> {
    /// Whether `stage` comes after those completed in one of the flows.
    pub(super) fn is_next(&self, completed: &[Stage], stage: Stage) -> bool {
        is_next(&self.flows, completed, stage)
    }
}

/// Whether `stage` comes after those completed in one of `flows`.
pub(super) fn is_next(flows: &[Flow], completed: &[Stage], stage: Stage) -> bool {
    flows.iter().any(|flow| flow.starts_with(completed) && flow.get(completed.len()) == Some(&stage))
}

/// The stages that a row names.
pub(super) fn stages(row: &SessionRow) -> Result<Vec<Stage>> {
    let completed: Vec<AuthType> = serde_json::from_str(&row.completed)
        .map_err(|fault| Error::internal(format!("stored authentication stages are unreadable: {fault}")))?;
    Ok(completed.iter().filter_map(Stage::find).collect())
}

/// The same, to be stored.
pub(super) fn written(stages: &[Stage]) -> Result<String> {
    let kinds: Vec<AuthType> = stages.iter().map(|stage| stage.kind()).collect();
    serde_json::to_string(&kinds).map_err(|fault| Error::internal(fault.to_string()))
}

impl Progress {
    /// No progress at all.
    pub(super) fn begin() -> Self {
        Self {
            session: secrets::token(""),
            is_stored: false,
            completed: Vec::new(),
            registration_token: None,
            email: None,
        }
    }
}

impl InteractiveAuth {
    /// Finds the progress of `session`, if it was begun by the same caller for the same operation.
    pub(super) async fn resume(&self, demand: &Demand<'_>, session: &str) -> Result<Option<Progress>> {
        let hash = self.session_hash(session);
        let row = rows::find(&mut *self.storage.conn().await?, &hash, self.clock.now_ms()).await?;
        let device_id = demand.caller.and_then(|caller| caller.device_id.as_ref());
        let Some(row) = row.filter(|row| {
            row.operation_hash == demand.operation_hash
                && row.user == demand.caller.map(|caller| caller.nid)
                && row.device_id.as_ref() == device_id
        }) else {
            return Ok(None);
        };
        Ok(Some(Progress {
            session: session.to_owned(),
            is_stored: true,
            completed: stages(&row)?,
            registration_token: row.registration_token_hash,
            email: None,
        }))
    }

    /// Stores the progress and returns the session's name.
    pub(super) async fn save(&self, demand: &Demand<'_>, progress: &Progress) -> Result<String> {
        let row = SessionRow {
            operation_hash: demand.operation_hash,
            user: demand.caller.map(|caller| caller.nid),
            device_id: demand.caller.and_then(|caller| caller.device_id.clone()),
            completed: written(&progress.completed)?,
            registration_token_hash: progress.registration_token,
            expires_at: self.clock.now_ms() + LIFETIME_MS,
        };
        let hash = self.session_hash(&progress.session);
        let mut conn = self.storage.conn().await?;
        if progress.is_stored {
            rows::update(&mut conn, &hash, &row).await?;
        } else {
            rows::insert_purpose(&mut conn, &hash, demand.purpose.name(), row.expires_at).await?;
            rows::insert(&mut conn, &hash, &row).await?;
        }
        Ok(progress.session.clone())
    }

    /// Ends the session; returns whether this was the first to do so.
    pub(super) async fn finish(&self, progress: &Progress) -> Result<bool> {
        if !progress.is_stored {
            return Ok(true);
        }
        rows::delete(&mut *self.storage.conn().await?, &self.session_hash(&progress.session)).await
    }

    pub(super) fn session_hash(&self, session: &str) -> [u8; 32] {
        self.secrets.hash("interactive auth session", session)
    }
}
