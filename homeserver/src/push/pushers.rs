//! The applications that are told of their users' notifications. Client-server API, "Push
//! Notifications", on pushers.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
};

use imbl::OrdSet;
use ruma::{
    api::client::push::{Pusher, PusherIds, PusherInit, PusherKind},
    push::HttpPusherData,
};
use url::Url;

use crate::{
    Error, Result,
    accounts::User,
    clock::Clock,
    config,
    secrets::{SealedColumn, Secrets, columns, hex},
    storage::{
        Storage,
        numbers::UserNid,
        pushers::{self, PusherKey, PusherRow},
    },
};

/// What a push key's keyed hash is made for.
const PURPOSE: &str = "push key";
/// The one kind of pushers.
const HTTP: &str = "http";
/// Where gateways are told of notifications.
const PATH: &str = "/_matrix/push/v1/notify";
/// Pushers of one user, at most.
const MOST: usize = 100;
/// Most bytes of each part.
const LONGEST_PUSHKEY: usize = 512;
const LONGEST_APP_ID: usize = 64;
const LONGEST_NAME: usize = 1024;
const LONGEST_TAG: usize = 255;
const LONGEST_LANGUAGE: usize = 64;
const LARGEST_DATA: usize = 16 << 10;

/// The pushers of all users; clones share what is in memory.
#[derive(Clone, Debug)]
pub struct Pushers {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    rules: config::Push,
    /// Those who have any, and perhaps some who have none any more.
    owners: Arc<RwLock<HashSet<UserNid>>>,
}

/// A pusher that can be told of something.
#[derive(Debug)]
pub struct Target {
    /// What it is known by.
    pub key: PusherKey,
    /// The application's ID and the push key.
    pub ids: PusherIds,
    /// Where it is, and what it is told each time.
    pub data: HttpPusherData,
    /// When it was last set, in ms since the epoch.
    pub updated_at: i64,
    /// Since when deliveries to it fail.
    pub failing_since: Option<i64>,
}

impl Pushers {
    /// The pushers in `storage`.
    pub fn new(storage: Storage, secrets: Secrets, clock: Clock, rules: config::Push) -> Self {
        Self { storage, secrets, clock, rules, owners: Arc::default() }
    }

    /// Sets a pusher that ends with the user's present device. Unless several users are to have one
    /// with the same key (`append`), it takes the place of the others'.
    pub async fn set(&self, user: &User, pusher: Pusher, append: bool) -> Result<()> {
        let data = self.check(&pusher)?;
        let key = self.key(user.nid, &pusher.ids);
        let known = pushers::list(&mut *self.storage.conn().await?, user.nid).await?;
        if known.len() >= MOST && !known.iter().any(|row| row.key == key) {
            return Err(Error::invalid_param("You have too many pushers."));
        }
        let row = PusherRow {
            pushkey: self.seal(&columns::PUSH_KEY, &key, &pusher.ids.pushkey),
            data: self.seal(&columns::PUSH_DATA, &key, &data),
            key,
            device_id: user.device_id.clone(),
            kind: HTTP.to_owned(),
            app_display_name: pusher.app_display_name,
            device_display_name: pusher.device_display_name,
            profile_tag: pusher.profile_tag,
            lang: pusher.lang,
            updated_at: self.clock.now_ms(),
            failing_since: None,
        };
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                if !append {
                    pushers::delete_of_others(&mut tx, &row.key).await?;
                }
                pushers::save(&mut tx, &row).await?;
                Ok(tx.commit().await?)
            })
            .await?;
        self.owners.write().unwrap_or_else(PoisonError::into_inner).insert(user.nid);
        Ok(())
    }

    /// Deletes a pusher of the user; it need not exist.
    pub async fn delete(&self, user: &User, ids: &PusherIds) -> Result<()> {
        pushers::delete(&mut *self.storage.conn().await?, &self.key(user.nid, ids)).await
    }

    /// Lists the pushers of a user.
    pub async fn list(&self, user: UserNid) -> Result<Vec<Pusher>> {
        let rows = pushers::list(&mut *self.storage.conn().await?, user).await?;
        let pusher = |row: PusherRow| {
            let (ids, data) = self.open(&row)?;
            let PusherRow { app_display_name, device_display_name, profile_tag, lang, .. } = row;
            let kind = PusherKind::Http(data);
            Ok(PusherInit { ids, kind, app_display_name, device_display_name, profile_tag, lang }.into())
        };
        rows.into_iter().map(pusher).collect()
    }

    /// Finds a pusher that can be told of something.
    pub async fn target(&self, key: &PusherKey) -> Result<Option<Target>> {
        let rows = pushers::list(&mut *self.storage.conn().await?, key.user).await?;
        let Some(row) = rows.into_iter().find(|row| row.key == *key) else { return Ok(None) };
        let (ids, data) = self.open(&row)?;
        let PusherRow { key, updated_at, failing_since, .. } = row;
        Ok(Some(Target { key, ids, data, updated_at, failing_since }))
    }

    /// What the pushers of a user are known by.
    pub async fn keys(&self, user: UserNid) -> Result<Vec<PusherKey>> {
        let rows = pushers::list(&mut *self.storage.conn().await?, user).await?;
        Ok(rows.into_iter().map(|row| row.key).collect())
    }

    /// Learns anew who has pushers: other processes set some too.
    pub async fn refresh(&self) -> Result<()> {
        let owners = pushers::users(&mut *self.storage.conn().await?).await?;
        *self.owners.write().unwrap_or_else(PoisonError::into_inner) = owners.into_iter().collect();
        Ok(())
    }

    /// Whether nobody has a pusher.
    pub fn are_none(&self) -> bool {
        self.owners.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Those of `users` who may have pushers.
    pub fn owners_among(&self, users: &OrdSet<UserNid>) -> Vec<UserNid> {
        let owners = self.owners.read().unwrap_or_else(PoisonError::into_inner);
        if owners.len() < users.len() {
            owners.iter().filter(|owner| users.contains(*owner)).copied().collect()
        } else {
            users.iter().filter(|user| owners.contains(user)).copied().collect()
        }
    }

    /// Whether a user may have pushers.
    pub fn is_owner(&self, user: UserNid) -> bool {
        self.owners.read().unwrap_or_else(PoisonError::into_inner).contains(&user)
    }

    fn key(&self, user: UserNid, ids: &PusherIds) -> PusherKey {
        PusherKey { user, app_id: ids.app_id.clone(), pushkey_hash: self.secrets.hash(PURPOSE, &ids.pushkey) }
    }

    fn seal(&self, column: &SealedColumn, key: &PusherKey, plain: &str) -> Vec<u8> {
        let PusherKey { user, app_id, pushkey_hash } = key;
        self.secrets.seal(column, &[&user.0, app_id, &hex(pushkey_hash)], plain.as_bytes())
    }

    fn open(&self, row: &PusherRow) -> Result<(PusherIds, HttpPusherData)> {
        let open = |column: &SealedColumn, sealed: &[u8]| {
            let PusherKey { user, app_id, pushkey_hash } = &row.key;
            self.secrets.open_text(column, &[&user.0, app_id, &hex(pushkey_hash)], sealed)
        };
        let pushkey = open(&columns::PUSH_KEY, &row.pushkey)?;
        let data = open(&columns::PUSH_DATA, &row.data)?;
        let data = serde_json::from_str(&data).map_err(anyhow::Error::from)?;
        Ok((PusherIds::new(pushkey, row.key.app_id.clone()), data))
    }

    /// Refuses what cannot be a pusher; returns its data as JSON.
    fn check(&self, pusher: &Pusher) -> Result<String> {
        let PusherKind::Http(data) = &pusher.kind else {
            return Err(Error::invalid_param("There are only pushers of the kind \"http\"."));
        };
        let lengths = [
            ("pushkey", pusher.ids.pushkey.len(), LONGEST_PUSHKEY),
            ("app_id", pusher.ids.app_id.len(), LONGEST_APP_ID),
            ("app_display_name", pusher.app_display_name.len(), LONGEST_NAME),
            ("device_display_name", pusher.device_display_name.len(), LONGEST_NAME),
            ("profile_tag", pusher.profile_tag.as_ref().map_or(0, String::len), LONGEST_TAG),
            ("lang", pusher.lang.len(), LONGEST_LANGUAGE),
        ];
        if let Some((name, _, longest)) = lengths.into_iter().find(|(_, length, longest)| length > longest) {
            return Err(Error::invalid_param(format!("The {name} has more than {longest} bytes.")));
        }
        let url = Url::parse(&data.url).map_err(|_| Error::invalid_param("The gateway's URL is malformed."))?;
        if url.scheme() != "https" && (self.rules.require_https || url.scheme() != "http") {
            return Err(Error::invalid_param("The gateway's URL must begin with https://."));
        }
        if url.path() != PATH {
            return Err(Error::invalid_param(format!("The path of the gateway's URL must be {PATH}.")));
        }
        let data = serde_json::to_string(data).map_err(anyhow::Error::from)?;
        if data.len() > LARGEST_DATA {
            return Err(Error::too_large(format!("The data of a pusher have at most {LARGEST_DATA} bytes.")));
        }
        Ok(data)
    }
}
