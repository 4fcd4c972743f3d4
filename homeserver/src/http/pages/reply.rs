//! Answers for browsers, with the headers that keep others out of the pages.

use std::sync::Arc;

use askama::Template;
use bytes::Bytes;
use http::header;

use super::cookies::Jar;
use crate::{Error, Result, accounts::captcha::Widget, http::endpoint::HttpAnswer};

/// What a browser is answered.
#[derive(Debug)]
pub struct Reply {
    status: u16,
    content: Result<Content>,
    /// The session's token from now on, where it changes.
    session: Option<Option<String>>,
}

#[derive(Debug)]
enum Content {
    Page { html: String, rules: Rules },
    File { content_type: String, bytes: Bytes },
    To(String),
}

/// What a page may do.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rules {
    /// Post forms to this server.
    Forms,
    /// Post a form whose answer leads to another site. Browsers hold `form-action` against the whole
    /// chain of redirects, so it cannot be set.
    Leaving,
    /// Run a script of this server, besides.
    Script,
    /// Show a captcha that comes from these addresses.
    Captcha(Arc<str>),
}

impl Rules {
    /// What other sites are told of where somebody comes from. A captcha's service sees which site shows it.
    fn referrer(&self) -> &'static str {
        if matches!(self, Self::Captcha(_)) { "strict-origin" } else { "no-referrer" }
    }
}

impl Reply {
    /// A page.
    pub fn page(template: &impl Template) -> Self {
        let html = template.render().map_err(|fault| Error::internal(format!("a page could not be rendered: {fault}")));
        let content = html.map(|html| Content::Page { html, rules: Rules::Forms });
        Self { status: 200, content, session: None }
    }

    /// A file that pages show.
    pub fn file(content_type: String, bytes: Bytes) -> Self {
        Self { status: 200, content: Ok(Content::File { content_type, bytes }), session: None }
    }

    /// Leads to another page, by `GET` whatever the method was.
    pub fn to(location: impl Into<String>) -> Self {
        Self { status: 303, content: Ok(Content::To(location.into())), session: None }
    }

    /// Leads to another page, as the specification has it where a client began by `GET`.
    pub fn found(location: impl Into<String>) -> Self {
        Self { status: 302, ..Self::to(location) }
    }

    /// With another status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// With a form whose answer leads to another site.
    #[must_use]
    pub fn leaving(self) -> Self {
        self.with_rules(Rules::Leaving)
    }

    /// With a script of this server.
    #[must_use]
    pub fn with_script(self) -> Self {
        self.with_rules(Rules::Script)
    }

    /// With a captcha, if there is one.
    #[must_use]
    pub fn with_captcha(self, captcha: Option<&Widget>) -> Self {
        match captcha {
            Some(widget) => self.with_rules(Rules::Captcha(widget.sources.clone())),
            None => self,
        }
    }

    /// From now on with the session that has this token, or with none.
    #[must_use]
    pub fn with_session(self, token: Option<String>) -> Self {
        Self { session: Some(token), ..self }
    }

    fn with_rules(mut self, rules: Rules) -> Self {
        if let Ok(Content::Page { rules: present, .. }) = &mut self.content {
            *present = rules;
        }
        self
    }

    /// The answer itself.
    pub fn answer(self, jar: &Jar) -> HttpAnswer {
        let mut answer = http::Response::builder()
            .status(self.status)
            .header(header::CACHE_CONTROL, "no-store")
            .header(header::X_FRAME_OPTIONS, "DENY")
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        for cookie in jar.changes(self.session.as_ref()) {
            answer = answer.header(header::SET_COOKIE, cookie);
        }
        let answer = match self.content? {
            Content::To(location) => answer
                .header(header::REFERRER_POLICY, "no-referrer")
                .header(header::CONTENT_SECURITY_POLICY, policy(&Rules::Forms))
                .header(header::LOCATION, location)
                .body(Bytes::new()),
            Content::File { content_type, bytes } => answer
                .header(header::REFERRER_POLICY, "no-referrer")
                .header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox")
                .header(header::CONTENT_TYPE, content_type)
                .body(bytes),
            Content::Page { html, rules } => answer
                .header(header::REFERRER_POLICY, rules.referrer())
                .header(header::CONTENT_SECURITY_POLICY, policy(&rules))
                .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
                .body(Bytes::from(html)),
        };
        answer.map_err(|fault| Error::internal(format!("a page could not be answered: {fault}")))
    }
}

// There is no `Cross-Origin-Opener-Policy`: the way to a page that confirms something leads over the
// others, and that page has to reach the client that opened it.
fn policy(rules: &Rules) -> String {
    match rules {
        Rules::Forms => {
            "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; \
             base-uri 'none'"
                .to_owned()
        }
        Rules::Leaving => {
            "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"
                .to_owned()
        }
        Rules::Script => {
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'"
                .to_owned()
        }
        Rules::Captcha(sources) => format!(
            "default-src 'none'; script-src {sources}; frame-src {sources}; connect-src {sources}; style-src 'self' \
             {sources}; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        ),
    }
}
