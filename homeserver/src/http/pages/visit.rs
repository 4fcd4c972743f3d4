//! A browser's request for a page: who asks, in which language, with what.

use http::{Method, header};
use subtle::ConstantTimeEq;

use super::{
    cookies::Jar, fields::Fields, interruption::Interruption, language::Language, next::Next, reply::Reply, terms,
};
use crate::{
    App, Error, Result,
    accounts::{
        browser_sessions::{BrowserSession, Stage},
        captcha::{Captcha, Widget},
        terms::Shown,
    },
    audit::Origin,
    http::endpoint::Incoming,
};

/// A request for a page.
#[derive(Debug)]
pub struct Visit {
    /// The server.
    pub app: App,
    /// The path with its query, as it was asked for.
    pub location: String,
    /// The parameters of the path.
    pub path_args: Vec<String>,
    /// The query.
    pub query: Fields,
    /// The form, where one was sent.
    pub form: Fields,
    /// Who is signed in.
    pub signed_in: Option<BrowserSession>,
    /// Who has proved the password and not yet the second factor.
    pub halfway: Option<BrowserSession>,
    /// From where it comes.
    pub origin: Origin,
    /// The cookies.
    pub jar: Jar,
    language: Language,
    is_form: bool,
    is_from_elsewhere: bool,
}

/// What all pages show.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The reader's language.
    pub language: Language,
    /// The server's name.
    pub server: String,
    /// The proof that a form is ours.
    pub csrf: String,
    /// Something that went wrong.
    pub alarm: Option<String>,
    /// Something that was done.
    pub notice: Option<String>,
}

impl Frame {
    /// A sentence in the reader's language.
    pub fn say<'a>(&self, sentence: &'a str) -> &'a str {
        self.language.say(sentence)
    }

    /// With something that was done.
    #[must_use]
    pub fn with_notice(self, notice: Option<String>) -> Self {
        Self { notice, ..self }
    }

    /// With something that went wrong.
    #[must_use]
    pub fn with_alarm(self, alarm: String) -> Self {
        Self { alarm: Some(alarm), ..self }
    }
}

impl Visit {
    /// Takes a request apart and finds out who it is from.
    pub async fn of(app: App, incoming: Incoming) -> Result<Self> {
        let Incoming { request, path_args, body, origin } = incoming;
        let headers = request.headers();
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let jar = Jar::of(&app, headers);
        let session = match &jar.session {
            Some(token) => app.accounts.browser_sessions.find(token, &origin).await?,
            None => None,
        };
        if let Some(session) = &session {
            app.access.gates.server(&session.user.visitor()).await?;
        }
        let (signed_in, halfway) = match session {
            Some(session) if session.stage == Stage::SignedIn => (Some(session), None),
            other => (None, other),
        };
        let is_form = request.method() == Method::POST;
        let uri = request.uri();
        Ok(Self {
            location: uri.path_and_query().map_or("/", |location| location.as_str()).to_owned(),
            path_args,
            query: Fields::parse(uri.query().unwrap_or_default().as_bytes()),
            form: if is_form { Fields::parse(&body) } else { Fields::default() },
            signed_in,
            halfway,
            origin,
            language: Language::preferred(text(header::ACCEPT_LANGUAGE).unwrap_or_default()),
            is_form,
            is_from_elsewhere: headers
                .get("sec-fetch-site")
                .is_some_and(|site| site != "same-origin" && site != "none"),
            jar,
            app,
        })
    }

    /// Refuses a form that this server did not give to this browser: another site may have made the
    /// browser send it.
    pub fn check_form(&self) -> Result<()> {
        let is_ours = || bool::from(self.form.text("csrf").as_bytes().ct_eq(self.csrf().as_bytes()));
        if self.is_form && (self.is_from_elsewhere || !is_ours()) {
            return Err(Error::forbidden("This form is out of date. Go back, load the page again, and try once more."));
        }
        Ok(())
    }

    /// What the page shows around its content.
    pub fn frame(&self) -> Frame {
        Frame {
            language: self.language,
            server: self.app.config.server.name.to_string(),
            csrf: self.csrf(),
            alarm: None,
            notice: None,
        }
    }

    /// Who may let an application in: somebody who is signed in, with a second factor if this server
    /// wants one, and has accepted its documents. Otherwise, where to do that, and from there back here.
    pub async fn entitled(&self) -> Result<&BrowserSession, Interruption> {
        let session = self.signed_in.as_ref().ok_or_else(|| self.to_sign_in())?;
        if !session.has_vouched_factor && self.app.accounts.factors.is_missing(session.user.nid).await? {
            let page = format!("/account/two-factor?{}", query(&[("next", self.back().as_str())]));
            return Err(Reply::to(page).into());
        }
        if !self.missing_terms(session).await?.is_empty() {
            let page = format!("{}?{}", terms::ACCEPT, query(&[("next", self.back().as_str())]));
            return Err(Reply::to(page).into());
        }
        Ok(session)
    }

    /// The documents that people have to accept, in the reader's language.
    pub fn terms(&self) -> Vec<Shown> {
        self.app.accounts.terms.shown(self.language.code())
    }

    /// The captcha that people solve who register, if there is one.
    pub fn captcha(&self) -> Option<Widget> {
        self.app.accounts.interactive_auth.captcha().map(Captcha::widget)
    }

    /// Those that who is signed in has not accepted.
    pub async fn missing_terms(&self, session: &BrowserSession) -> Result<Vec<Shown>> {
        self.app.accounts.terms.missing(session.user.nid, self.language.code()).await
    }

    /// Who is signed in; otherwise, where to do that, and from there to the page `back`.
    pub fn member(&self, back: &str) -> Result<&BrowserSession, Interruption> {
        let to_sign_in = || Reply::to(format!("/login?{}", query(&[("next", back)])));
        self.signed_in.as_ref().ok_or_else(|| to_sign_in().into())
    }

    /// Who is signed in and has proved that a moment ago; otherwise, where to do that, and from there to
    /// the page `back`.
    pub fn fresh(&self, back: &str) -> Result<&BrowserSession, Interruption> {
        let session = self.member(back)?;
        if self.app.accounts.browser_sessions.is_fresh(session) {
            return Ok(session);
        }
        Err(Reply::to(format!("/login?{}", query(&[("again", "1"), ("next", back)]))).into())
    }

    /// Leads to the page where somebody signs in, and from there back here.
    pub fn to_sign_in(&self) -> Reply {
        Reply::to(format!("/login?{}", query(&[("next", self.back().as_str())])))
    }

    /// Leads to the page where who is signed in proves it anew, and from there back here.
    pub fn to_sign_in_again(&self) -> Reply {
        Reply::to(format!("/login?{}", query(&[("again", "1"), ("next", self.back().as_str())])))
    }

    /// This page as the place to come back to.
    pub fn back(&self) -> Next {
        Next::parse_or_account(&self.location)
    }

    fn csrf(&self) -> String {
        self.app.accounts.browser_sessions.form_token(&self.jar.visitor, self.jar.session.as_deref())
    }
}

/// Fields as a query.
pub fn query(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
