//! Access rules, sessions and accounts, by the homeserver's access API.

use std::collections::BTreeMap;

use reqwest::Method;
use ruma::{OwnedUserId, RoomId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Client, bot::read};
use crate::Result;

/// The access API; clones share connections. Whoever is named in a call is responsible for it.
#[derive(Clone, Debug)]
pub struct Access(Client);

/// A rule that is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/access-rules.md describes them")]
pub struct RuleForm {
    pub kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
    pub scope: String,
    pub effect: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub permanent: bool,
}

/// A rule that is there.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(missing_docs, reason = "docs/openapi/access.yaml describes them")]
pub struct Rule {
    pub rule_id: String,
    pub kind: String,
    #[serde(default)]
    pub value: String,
    pub scope: String,
    pub effect: String,
    pub reason: Option<String>,
    pub private_reason: Option<String>,
    pub case: Option<String>,
    #[serde(default)]
    pub origin: String,
    #[serde(default)]
    pub author: String,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
    #[serde(default)]
    pub match_count: u64,
}

/// Whom a change hits.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Preview {
    /// How many accounts.
    #[serde(default)]
    pub accounts: u64,
    /// Some of them.
    #[serde(default)]
    pub users: Vec<String>,
    /// How many requests that are under way.
    #[serde(default)]
    pub live_requests: u64,
}

/// From where a device was used.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(missing_docs, reason = "docs/openapi/access.yaml describes them")]
pub struct Session {
    pub user_id: String,
    pub device_id: String,
    pub network: Option<String>,
    pub first_seen_at: Option<i64>,
    pub last_seen_at: Option<i64>,
    #[serde(default)]
    pub live_requests: u64,
}

/// An account of this server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[expect(missing_docs, reason = "docs/openapi/access.yaml describes them")]
pub struct Account {
    pub is_admin: bool,
    pub locked: bool,
    pub suspended: bool,
    pub deactivated: bool,
}

/// Something that happened on the server.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "docs/openapi/access.yaml describes them")]
pub struct FeedEvent {
    pub seq: i64,
    pub at: i64,
    pub action: String,
    #[serde(default)]
    pub role: String,
    pub target: Option<String>,
    pub network: Option<String>,
}

/// What a user reported.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "docs/openapi/access.yaml describes them")]
pub struct FeedReport {
    pub reporter: Option<String>,
    pub room_id: Option<String>,
    pub event_id: Option<String>,
    pub user_id: Option<String>,
    pub created_at: i64,
}

#[derive(Deserialize)]
struct Previewed {
    preview: Preview,
}

impl Access {
    /// The access API behind `client`.
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// The server's administrators.
    pub async fn staff(&self) -> Result<Vec<OwnedUserId>> {
        #[derive(Deserialize)]
        struct Answer {
            administrators: Vec<OwnedUserId>,
        }
        Ok(read::<Answer>(self.0.get("/_salon/access/v1/staff", &[]).send().await?)?.administrators)
    }

    /// An account.
    pub async fn account(&self, user: &UserId) -> Result<Account> {
        read(self.0.get("/_salon/access/v1/accounts/{}", &[user.as_str()]).send().await?)
    }

    /// Locks or unlocks an account.
    pub async fn lock(&self, by: &UserId, user: &UserId, is_locked: bool) -> Result<()> {
        self.restrict(by, user, json!({ "locked": is_locked })).await
    }

    /// Suspends an account, or lets it act again.
    pub async fn suspend(&self, by: &UserId, user: &UserId, is_suspended: bool) -> Result<()> {
        self.restrict(by, user, json!({ "suspended": is_suspended })).await
    }

    async fn restrict(&self, by: &UserId, user: &UserId, what: Value) -> Result<()> {
        self.0.put("/_salon/access/v1/accounts/{}", &[user.as_str()]).acting(by).send_json(&what).await?;
        Ok(())
    }

    /// Closes a room for good: everybody is put out, nobody comes in again, and it is forgotten.
    pub async fn close_room(&self, by: &UserId, room: &RoomId) -> Result<()> {
        let request = self.0.request(Method::DELETE, "/_salon/access/v1/rooms/{}", &[room.as_str()]);
        request.acting(by).send().await?;
        Ok(())
    }

    /// Writes a rule, or with `is_rehearsal` only tells whom it would hit.
    pub async fn put(&self, by: &UserId, id: &str, rule: &RuleForm, is_rehearsal: bool) -> Result<Preview> {
        let mut request = self.0.put("/_salon/access/v1/rules/{}", &[id]).acting(by);
        if is_rehearsal {
            request = request.query("dry_run", "true");
        }
        let answer = request.send_json(&serde_json::to_value(rule).map_err(anyhow::Error::from)?).await?;
        Ok(read::<Previewed>(answer)?.preview)
    }

    /// Tells whom several rules together would hit.
    pub async fn rehearse(&self, by: &UserId, rules: &BTreeMap<String, RuleForm>) -> Result<Preview> {
        let request = self.0.post("/_salon/access/v1/batch", &[]).acting(by).query("dry_run", "true");
        Ok(read::<Previewed>(request.send_json(&json!({ "put": rules })).await?)?.preview)
    }

    /// Revokes a rule. It is no mistake if that has happened already.
    pub async fn revoke(&self, by: &UserId, id: &str) -> Result<()> {
        match self.0.request(Method::DELETE, "/_salon/access/v1/rules/{}", &[id]).acting(by).send().await {
            Ok(_) => Ok(()),
            Err(fault) if fault.is_not_found() => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// A rule, also one that has ended.
    pub async fn rule(&self, by: &UserId, id: &str) -> Result<Rule> {
        read(self.0.get("/_salon/access/v1/rules/{}", &[id]).acting(by).send().await?)
    }

    /// The rules in force that fit `filters`, at most `limit`.
    pub async fn rules(&self, by: &UserId, filters: &[(&'static str, String)], limit: u32) -> Result<Vec<Rule>> {
        #[derive(Deserialize)]
        struct Answer {
            rules: Vec<Rule>,
        }
        let mut request = self.0.get("/_salon/access/v1/rules", &[]).acting(by).query("limit", limit.to_string());
        for (name, value) in filters {
            request = request.query(name, value.clone());
        }
        Ok(read::<Answer>(request.send().await?)?.rules)
    }

    /// What the rules say about somebody in a scope: the answer as it is.
    pub async fn evaluate(&self, by: &UserId, question: &Value) -> Result<Value> {
        self.0.post("/_salon/access/v1/evaluate", &[]).acting(by).send_json(question).await
    }

    /// From where a user's devices were used (`user_id`), or whose devices were used in a `network`.
    pub async fn sessions(&self, by: &UserId, of: (&'static str, &str)) -> Result<Vec<Session>> {
        #[derive(Deserialize)]
        struct Answer {
            sessions: Vec<Session>,
        }
        let request = self.0.get("/_salon/access/v1/sessions", &[]).acting(by).query(of.0, of.1.to_owned());
        Ok(read::<Answer>(request.send().await?)?.sessions)
    }

    /// What happened on the server after the event numbered `after`, the oldest first.
    pub async fn events(&self, after: i64) -> Result<Vec<FeedEvent>> {
        #[derive(Deserialize)]
        struct Answer {
            events: Vec<FeedEvent>,
        }
        let request = self.0.get("/_salon/access/v1/events", &[]).query("after", after.to_string());
        Ok(read::<Answer>(request.query("limit", "1000").send().await?)?.events)
    }

    /// What users reported after the page that told to go on at `after`, and where to go on next.
    pub async fn reports(&self, after: Option<&str>) -> Result<(Vec<FeedReport>, Option<String>)> {
        #[derive(Deserialize)]
        struct Answer {
            reports: Vec<FeedReport>,
            next: Option<String>,
        }
        let mut request = self.0.get("/_salon/access/v1/reports", &[]).query("limit", "1000");
        if let Some(after) = after {
            request = request.query("after", after.to_owned());
        }
        let answer: Answer = read(request.send().await?)?;
        Ok((answer.reports, answer.next))
    }

    /// The names that the networks have in a room from which a user came lately.
    pub async fn room_networks(&self, by: &UserId, room: &RoomId, user: &UserId) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Answer {
            networks: Vec<Network>,
        }
        #[derive(Deserialize)]
        struct Network {
            network: String,
        }
        let request = self.0.get("/_salon/access/v1/rooms/{}/networks", &[room.as_str()]).acting(by);
        let answer: Answer = read(request.query("user_id", user.as_str()).send().await?)?;
        Ok(answer.networks.into_iter().map(|network| network.network).collect())
    }

    /// Writes a rule of a room's moderators.
    pub async fn put_room_rule(&self, by: &UserId, room: &RoomId, id: &str, rule: &Value) -> Result<()> {
        let path = "/_salon/access/v1/rooms/{}/rules/{}";
        self.0.put(path, &[room.as_str(), id]).acting(by).send_json(rule).await?;
        Ok(())
    }

    /// Revokes a rule of a room's moderators. It is no mistake if that has happened already.
    pub async fn revoke_room_rule(&self, by: &UserId, room: &RoomId, id: &str) -> Result<()> {
        let path = "/_salon/access/v1/rooms/{}/rules/{}";
        match self.0.request(Method::DELETE, path, &[room.as_str(), id]).acting(by).send().await {
            Ok(_) => Ok(()),
            Err(fault) if fault.is_not_found() => Ok(()),
            Err(fault) => Err(fault),
        }
    }
}
