//! Documents that people have to accept: when they register, and each new version before they let another
//! application in. Client-server API, "Terms of service at registration".

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context;
use serde_json::{Map, Value, json};
use url::Url;

use super::{Parts, browser_sessions::BrowserSession};
use crate::{
    Error, Result,
    audit::{Action, Actor, Audit, Event},
    clock::Clock,
    config,
    storage::{Conn, Storage, numbers::UserNid, terms as rows},
};

/// Below this path are the documents that this server shows by itself.
pub const PATH: &str = "/terms/";

/// The documents; clones share them.
#[derive(Clone, Debug)]
pub struct Terms {
    storage: Storage,
    clock: Clock,
    audit: Audit,
    documents: Arc<[Document]>,
}

#[derive(Debug)]
struct Document {
    id: String,
    version: String,
    texts: BTreeMap<String, Translation>,
}

#[derive(Debug)]
struct Translation {
    name: String,
    url: Url,
    /// What is shown there, if it is this server that shows it.
    text: Option<String>,
}

/// A document for somebody to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// By which it is accepted: the document and its version.
    pub mark: String,
    /// What it is called.
    pub name: String,
    /// Where it stands.
    pub url: String,
}

impl Terms {
    /// The documents that are configured; those in files are read.
    pub fn new(parts: &Parts<'_>) -> Result<Self> {
        let documents: Vec<_> =
            parts.terms.iter().map(|rules| Document::read(rules, &parts.base_url)).collect::<Result<_>>()?;
        Ok(Self {
            storage: parts.storage.clone(),
            clock: parts.clock.clone(),
            audit: parts.audit.clone(),
            documents: documents.into(),
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// All documents in a language, as far as they are there in it.
    pub fn shown(&self, language: &str) -> Vec<Shown> {
        self.documents.iter().map(|document| document.shown(language)).collect()
    }

    /// The same as clients are told of them.
    pub(in crate::accounts) fn params(&self) -> Value {
        let policies = self.documents.iter().map(|document| (document.id.clone(), document.params()));
        json!({ "policies": policies.collect::<Map<_, _>>() })
    }

    /// What has to be accepted now: another text for other versions.
    pub(in crate::accounts) fn marks(&self) -> String {
        self.documents.iter().map(Document::mark).collect::<Vec<_>>().join(" ")
    }

    /// The name and the text of a document that this server shows.
    pub fn text(&self, id: &str, language: &str) -> Option<(&str, &str)> {
        let document = self.documents.iter().find(|document| document.id == id)?;
        let translation = document.translation(language);
        Some((&translation.name, translation.text.as_deref()?))
    }

    /// The documents whose present version a user has not accepted.
    pub async fn missing(&self, user: UserNid, language: &str) -> Result<Vec<Shown>> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let accepted = rows::list(&mut *self.storage.conn().await?, user).await?;
        let is_accepted = |document: &&Document| {
            accepted.iter().any(|(id, version, _)| *id == document.id && *version == document.version)
        };
        let missing = self.documents.iter().filter(|document| !is_accepted(document));
        Ok(missing.map(|document| document.shown(language)).collect())
    }

    /// Refuses, unless all `wanted` documents are among those whose marks somebody has sent.
    pub fn check_accepted<'a>(&self, wanted: &[Shown], marks: impl Iterator<Item = &'a str> + Clone) -> Result<()> {
        let is_accepted = |document: &Shown| marks.clone().any(|mark| mark == document.mark);
        if wanted.iter().all(is_accepted) {
            return Ok(());
        }
        Err(Error::forbidden("Accept the documents to go on."))
    }

    /// Notes that a user has accepted all documents.
    pub async fn accept(&self, by: &BrowserSession) -> Result<()> {
        let user = &by.user;
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                let event = self.write(&mut tx, user.nid, by.into()).await?;
                self.audit.append(&mut tx, event.map(|event| event.on(&user.id))).await?;
                Ok(tx.commit().await?)
            })
            .await
    }

    /// The same in a transaction; what is to be noted about it, if there are documents.
    pub(in crate::accounts) async fn write(&self, tx: &mut Conn, user: UserNid, by: Actor) -> Result<Option<Event>> {
        if self.is_empty() {
            return Ok(None);
        }
        let now_ms = self.clock.now_ms();
        for document in &*self.documents {
            rows::insert(tx, user, &document.id, &document.version, now_ms).await?;
        }
        let marks: Vec<_> = self.documents.iter().map(Document::mark).collect();
        Ok(Some(Event::new(Action::TermsAccepted, by).detail("documents", marks)))
    }
}

impl Document {
    fn read(rules: &config::Terms, base: &Url) -> Result<Self> {
        let mut texts = BTreeMap::new();
        for (language, of) in &rules.texts {
            let text = match &of.file {
                Some(file) => {
                    Some(std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?)
                }
                None => None,
            };
            let here = || -> Result<Url> {
                let mut url = base.join(&format!("{PATH}{}", rules.id)).context("the address of a document")?;
                url.query_pairs_mut().append_pair("version", &rules.version).append_pair("language", language);
                Ok(url)
            };
            let url = of.url.clone().map_or_else(here, Ok)?;
            texts.insert(language.clone(), Translation { name: of.name.clone(), url, text });
        }
        Ok(Self { id: rules.id.clone(), version: rules.version.clone(), texts })
    }

    fn mark(&self) -> String {
        format!("{}:{}", self.id, self.version)
    }

    /// The document in a language, in English, or in any.
    fn translation(&self, language: &str) -> &Translation {
        let found = self.texts.get(language).or_else(|| self.texts.get("en")).or_else(|| self.texts.values().next());
        found.expect("the configuration refuses documents without a text")
    }

    fn shown(&self, language: &str) -> Shown {
        let translation = self.translation(language);
        Shown { mark: self.mark(), name: translation.name.clone(), url: translation.url.to_string() }
    }

    fn params(&self) -> Value {
        let mut params = json!({ "version": self.version });
        for (language, translation) in &self.texts {
            params[language] = json!({ "name": translation.name, "url": translation.url });
        }
        params
    }
}
