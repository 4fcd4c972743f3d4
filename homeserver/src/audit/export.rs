//! Events as others read them: JSON Lines with the field names of Elastic's Common Schema.

use ruma::OwnedServerName;
use serde_json::{Map, Value, json};

use super::{Action, chain};
use crate::{
    Result, clock, secrets,
    secrets::Secrets,
    storage::audit::{AuditRow, Hash},
};

/// An event of the log, with what is still known of its origin.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `audit_log`")]
pub struct Entry {
    pub seq: i64,
    /// In ms since the epoch.
    pub at: i64,
    /// The name of the action.
    pub action: String,
    pub is_success: bool,
    pub role: String,
    pub actor: Option<String>,
    pub device_id: Option<String>,
    pub target: Option<String>,
    /// What is not secret about it.
    pub details: Map<String, Value>,
    /// The address it came from.
    pub address: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// What else was kept encrypted.
    pub private: Map<String, Value>,
    /// The hash in the chain.
    pub hash: Hash,
}

impl Entry {
    pub(super) fn open(secrets: &Secrets, row: AuditRow, sealed: Option<Vec<u8>>) -> Result<Self> {
        let mut private = match sealed {
            Some(sealed) => chain::open_origin(secrets, row.seq, &sealed)?.1,
            None => Map::new(),
        };
        let mut take = |name| match private.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        Ok(Self {
            seq: row.seq,
            at: row.at,
            action: row.action,
            is_success: row.is_success,
            role: row.role,
            actor: row.actor,
            device_id: row.device_id,
            target: row.target,
            details: serde_json::from_str(&row.details).unwrap_or_default(),
            address: take("address"),
            user_agent: take("user_agent"),
            private,
            hash: row.hash,
        })
    }

    /// The event as one JSON object for a shipper of logs.
    pub fn to_ecs(&self, server_name: &OwnedServerName) -> Value {
        let (category, kind) = Action::classes_of(&self.action);
        let mut all = json!({
            "@timestamp": clock::rfc3339(self.at),
            "ecs.version": "8.11",
            "event.kind": "event",
            "event.category": [category],
            "event.type": [kind],
            "event.action": self.action,
            "event.outcome": if self.is_success { "success" } else { "failure" },
            "event.id": secrets::hex(&self.hash),
            "event.sequence": self.seq,
            "event.dataset": "salon.security",
            "event.provider": "salon",
            "service.name": "salon",
            "service.version": env!("CARGO_PKG_VERSION"),
            "host.name": server_name,
            "user.roles": [self.role],
        });
        let optional = [
            ("user.id", &self.actor),
            ("user.target.id", &self.target),
            ("matrix.device_id", &self.device_id),
            ("source.ip", &self.address),
            ("user_agent.original", &self.user_agent),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                all[name] = json!(value);
            }
        }
        if let Some(reason) = self.details.get("reason") {
            all["event.reason"] = reason.clone();
        }
        let labels = self.details.iter().chain(&self.private).filter(|(name, _)| *name != "reason");
        let labels: Map<String, Value> = labels.map(|(name, value)| (name.clone(), value.clone())).collect();
        if !labels.is_empty() {
            all["labels"] = Value::Object(labels);
        }
        all
    }
}
