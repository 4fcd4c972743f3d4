//! Tells what the rules say about somebody, and why.

use std::{net::IpAddr, sync::Arc};

use ruma::UserId;

use super::Oversight;
use crate::{
    Result,
    access::{
        email::Email,
        rule::Scope,
        ruleset::{Facts, Match, Place},
    },
};

/// What is asked: may somebody with these properties do that?
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "see `Facts`")]
pub struct Question {
    pub user: Option<String>,
    pub server: Option<String>,
    pub address: Option<IpAddr>,
    pub email: Option<String>,
    pub registration_token: Option<String>,
    pub scope: Scope,
}

/// What the rules say in one place.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Where.
    pub scope: Scope,
    /// The rules that match, the one that decides first.
    pub matches: Vec<Match>,
}

impl Oversight {
    /// What the rules say, in the order in which gates are passed. Of accounts of this server their e-mail
    /// addresses are known, unless another one is asked about.
    pub async fn explain(&self, question: &Question) -> Result<Vec<Explanation>> {
        let rulebook = &self.access.rulebook;
        let emails: Arc<[Email]> = match (&question.email, &question.user) {
            (Some(email), _) => [rulebook.email(email)?].into(),
            (None, Some(user)) => self.emails_of(user).await?,
            (None, None) => Arc::default(),
        };
        let token = question.registration_token.as_deref().map(|token| rulebook.token_hash(token));
        let server_of_user = question.user.as_deref().and_then(|user| user.split_once(':')).map(|(_, server)| server);
        let facts = Facts {
            user: question.user.as_deref(),
            server: question.server.as_deref().or(server_of_user),
            address: question.address,
            emails: &emails,
            token: token.as_ref(),
        };
        let (rules, now_ms) = (rulebook.current(), self.clock.now_ms());
        let mut scopes = vec![Scope::Server];
        if question.scope != Scope::Server {
            scopes.push(question.scope.clone());
        }
        if let Scope::Room(room) = &question.scope {
            scopes.extend(self.admission.spaces_with_rules(room).await?.into_iter().map(Scope::Space));
        }
        let explain = |scope: Scope| {
            let place = Place::from(&scope);
            Explanation { matches: rules.explain(place, &facts, now_ms), scope }
        };
        Ok(scopes.into_iter().map(explain).collect())
    }

    async fn emails_of(&self, user: &str) -> Result<Arc<[Email]>> {
        let Ok(user_id) = UserId::parse(user) else { return Ok(Arc::default()) };
        match self.accounts.administration.find(&user_id).await {
            Ok(account) => self.access.emails.of(account.user).await,
            Err(error) if error.is_not_found() => Ok(Arc::default()),
            Err(error) => Err(error),
        }
    }
}
