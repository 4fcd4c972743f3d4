//! The page behind the links in messages. It asks for a click, because programs that look for bad
//! links open them too.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use url::{Url, form_urlencoded};

use crate::{
    App, Error, Result,
    accounts::emails::CONFIRMATION_PATH,
    http::endpoint::{HttpAnswer, Incoming},
    mail::Language,
};

pub(super) const PATH: [&str; 1] = [CONFIRMATION_PATH];

/// `GET /_salon/email/confirm`
pub(super) async fn ask(app: App, incoming: Incoming) -> HttpAnswer {
    let language = language(&incoming);
    let query = incoming.request.uri().query().unwrap_or_default();
    let token = token(query.as_bytes());
    if !app.accounts.emails.is_token_good(&token).await? {
        return page(StatusCode::NOT_FOUND, language, Words::of(language).expired, "");
    }
    let words = Words::of(language);
    let form = format!(
        "<form method=\"post\" action=\"{CONFIRMATION_PATH}\"><input type=\"hidden\" name=\"token\" value=\"{}\">\
         <button>{}</button></form>",
        escaped(&token),
        words.confirm
    );
    page(StatusCode::OK, language, words.question, &form)
}

/// `POST /_salon/email/confirm`
pub(super) async fn confirm(app: App, incoming: Incoming) -> HttpAnswer {
    let language = language(&incoming);
    let words = Words::of(language);
    match app.accounts.emails.confirm(&token(&incoming.body)).await {
        Ok(next) => page(StatusCode::OK, language, words.done, &next.map(|url| link(&url, &words)).unwrap_or_default()),
        Err(Error::Refused { .. }) => page(StatusCode::NOT_FOUND, language, words.expired, ""),
        Err(fault) => Err(fault),
    }
}

/// What the page says.
struct Words {
    question: &'static str,
    confirm: &'static str,
    done: &'static str,
    expired: &'static str,
    go_on: &'static str,
}

impl Words {
    fn of(language: Language) -> Self {
        match language {
            Language::English => Self {
                question: "Is this your e-mail address, and did you ask for this message?",
                confirm: "Yes, confirm it",
                done: "The e-mail address is confirmed. Go back to the application.",
                expired: "This link is not good any more. Let the application send another.",
                go_on: "Go on to",
            },
            Language::French => Self {
                question: "Est-ce votre adresse e-mail, et avez-vous demandé ce message ?",
                confirm: "Oui, confirmer",
                done: "L'adresse e-mail est confirmée. Revenez à l'application.",
                expired: "Ce lien n'est plus valable. Demandez-en un autre dans l'application.",
                go_on: "Continuer vers",
            },
        }
    }
}

fn link(url: &Url, words: &Words) -> String {
    let host = url.host_str().unwrap_or_default();
    format!("<p><a href=\"{}\">{} {}</a></p>", escaped(url.as_str()), words.go_on, escaped(host))
}

fn token(form: &[u8]) -> String {
    let found = form_urlencoded::parse(form).find(|(name, _)| name == "token");
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn language(incoming: &Incoming) -> Language {
    let accepted = incoming.request.headers().get(header::ACCEPT_LANGUAGE);
    Language::preferred(accepted.and_then(|value| value.to_str().ok()).unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

fn page(status: StatusCode, language: Language, message: &str, rest: &str) -> HttpAnswer {
    let html = format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Salon</title></head><body><main><p>{message}</p>{rest}</main></body></html>",
        language.tag()
    );
    let policy = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // The address of this page has the token.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(name, value);
    }
    let answer: Result<_> = answer.body(Bytes::from(html)).map_err(|fault| Error::internal(fault.to_string()));
    answer
}
