//! Applications ask to be let in, and their users decide. RFC 6749 section 4.1; client-server API,
//! "Authorisation code flow".

use url::Url;

use super::{Client, FaultKind, OAuth, clients::CODE, pkce, redirect_uris, scope::Scope};
use crate::{
    Error, Result,
    accounts::browser_sessions::BrowserSession,
    audit::{Action, Event},
    secrets,
    storage::oauth::{
        clients,
        codes::{self, CodeRow},
    },
};

/// What codes are hashed for.
pub(super) const PURPOSE: &str = "oauth code";
/// How long a code is good, in milliseconds.
const LIFETIME_MS: i64 = 60_000;
/// Most bytes of the state that an application gets back.
const LONGEST_STATE: usize = 4096;

/// The parameters of a request.
#[derive(Clone, Debug, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads `application/x-www-form-urlencoded`.
    pub fn parse(text: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(text).into_owned().collect())
    }

    /// The first value of a parameter that is not empty: such are as good as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(of, value)| of == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The same, or an empty text.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// Whether a parameter is there more than once, which none may be.
    pub fn is_repeated(&self, name: &str) -> bool {
        self.0.iter().filter(|(of, _)| of == name).count() > 1
    }

    fn has_repeated(&self) -> bool {
        self.0.iter().any(|(name, _)| self.is_repeated(name))
    }
}

/// What an application asks for, in good form.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// The application.
    pub client: Client,
    /// Where its user comes back to.
    pub redirect_uri: String,
    answers: Answers,
    scope: Scope,
    challenge: [u8; 32],
    prompt: String,
    hint: Option<String>,
}

/// How the application wants its answer.
#[derive(Clone, Debug)]
struct Answers {
    state: Option<String>,
    in_fragment: bool,
}

/// Where somebody goes from here.
#[derive(Clone, Debug)]
pub struct Return {
    /// The address.
    pub url: String,
    /// Whether the browser wants its user to follow a link to get there.
    pub needs_gesture: bool,
}

/// What is to be done with a request.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Its user decides.
    Sound(Box<Authorization>),
    /// The application learns what is wrong with it.
    Refused(Return),
}

impl Authorization {
    /// The device that the session will have.
    pub fn device_id(&self) -> &str {
        self.scope.device_id.as_str()
    }

    /// Whether its user wants a new account.
    pub fn wants_account(&self) -> bool {
        self.prompt == "create"
    }

    /// Whether its user has to prove anew to be present.
    pub fn wants_fresh_proof(&self) -> bool {
        self.prompt == "login"
    }

    /// Who will probably sign in.
    pub fn hint(&self) -> Option<&str> {
        let hint = self.hint.as_deref()?;
        Some(hint.strip_prefix("mxid:").unwrap_or(hint))
    }
}

impl OAuth {
    /// Reads a request. It fails where nobody may be sent back: the application or its address are not
    /// known, so that whoever is behind it must not learn anything.
    pub async fn read(&self, parameters: &Parameters) -> Result<Verdict> {
        if ["client_id", "redirect_uri"].iter().any(|name| parameters.is_repeated(name)) {
            return Err(Error::invalid_param("The app sent a request that is not clear."));
        }
        let client = self.client(parameters.text("client_id")).await?;
        let client =
            client.ok_or_else(|| Error::invalid_param("This app is not registered here. Begin again in the app."))?;
        let kind = client.metadata.application_type;
        let redirect_uri = parameters.text("redirect_uri");
        if !client.metadata.redirect_uris.iter().any(|uri| redirect_uris::matches(uri, redirect_uri, kind)) {
            return Err(Error::invalid_param("The app gave an address to come back to that it has not registered."));
        }
        let redirect_uri = redirect_uri.to_owned();
        let answers = Answers {
            state: parameters.get("state").map(ToOwned::to_owned),
            in_fragment: parameters.get("response_mode") == Some("fragment"),
        };
        match check(&client, parameters) {
            Ok((scope, challenge)) => Ok(Verdict::Sound(Box::new(Authorization {
                client,
                redirect_uri,
                answers,
                scope,
                challenge,
                prompt: parameters.text("prompt").to_owned(),
                hint: parameters.get("login_hint").map(ToOwned::to_owned),
            }))),
            Err((kind, message)) => {
                let members = [("error", kind.code()), ("error_description", message)];
                Ok(Verdict::Refused(self.answer(&client, &redirect_uri, &answers, &members)?))
            }
        }
    }

    /// Lets an application in as who is signed in: its code.
    pub async fn allow(&self, authorization: &Authorization, by: &BrowserSession) -> Result<Return> {
        let code = secrets::token("salon_code_");
        let now_ms = self.clock.now_ms();
        let row = CodeRow {
            client_id: authorization.client.id.clone(),
            user: by.user.nid,
            device_id: authorization.scope.device_id.clone(),
            scope: authorization.scope.granted.clone(),
            redirect_uri: authorization.redirect_uri.clone(),
            challenge: authorization.challenge,
            spent_at: None,
            expires_at: now_ms + LIFETIME_MS,
        };
        let mut conn = self.storage.conn().await?;
        clients::update_used(&mut conn, &authorization.client.id, now_ms).await?;
        codes::insert(&mut conn, &self.secrets.hash(PURPOSE, &code), &row).await?;
        drop(conn);
        self.audit.record(consent(by, &authorization.client, authorization.device_id()));
        self.answer_to(authorization, &[("code", &code)])
    }

    /// Does not let an application in.
    pub fn deny(&self, authorization: &Authorization, by: &BrowserSession) -> Result<Return> {
        self.audit.record(consent(by, &authorization.client, authorization.device_id()).failed("refused"));
        let members = [("error", FaultKind::AccessDenied.code()), ("error_description", "The user did not allow it.")];
        self.answer_to(authorization, &members)
    }

    fn answer_to(&self, authorization: &Authorization, members: &[(&str, &str)]) -> Result<Return> {
        let Authorization { client, redirect_uri, answers, .. } = authorization;
        self.answer(client, redirect_uri, answers, members)
    }

    fn answer(&self, client: &Client, redirect_uri: &str, to: &Answers, members: &[(&str, &str)]) -> Result<Return> {
        let mut url = Url::parse(redirect_uri)
            .map_err(|fault| Error::internal(format!("a registered redirect URI is malformed: {fault}")))?;
        // Of several servers, the application sees which one answers (RFC 9207).
        let issuer = self.base.as_ref().map(|base| ("iss", base.as_str()));
        let state = to.state.as_deref().map(|state| ("state", state));
        let members = members.iter().copied().chain(state).chain(issuer);
        if to.in_fragment {
            let fragment = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(members).finish();
            url.set_fragment(Some(&fragment));
        } else {
            url.query_pairs_mut().extend_pairs(members);
        }
        let needs_gesture = redirect_uris::needs_gesture(redirect_uri, client.metadata.application_type);
        Ok(Return { url: url.into(), needs_gesture })
    }
}

/// What is noted of somebody who lets an application in, or not.
pub(super) fn consent(by: &BrowserSession, client: &Client, device_id: &str) -> Event {
    let event = Event::new(Action::ConsentGiven, by).on(&by.user.id).detail("app", client.name());
    event.detail("client", client.id.as_str()).detail("device", device_id)
}

/// The scope and the challenge of a request, or what the application did wrong.
fn check(client: &Client, parameters: &Parameters) -> Result<(Scope, [u8; 32]), (FaultKind, &'static str)> {
    let invalid = |message| Err((FaultKind::InvalidRequest, message));
    if parameters.has_repeated() {
        return invalid("No parameter may be there more than once.");
    }
    if parameters.text("state").len() > LONGEST_STATE {
        return invalid("The state is too long.");
    }
    match parameters.get("response_type") {
        Some("code") => {}
        Some(_) => return Err((FaultKind::UnsupportedResponseType, "The only response_type is code.")),
        None => return invalid("The response_type is missing."),
    }
    if !matches!(parameters.get("response_mode"), None | Some("query" | "fragment")) {
        return invalid("The response_mode must be query or fragment.");
    }
    if !client.may_use(CODE) {
        return Err((FaultKind::UnauthorizedClient, "The application is not registered for this."));
    }
    if parameters.get("code_challenge_method") != Some("S256") {
        return invalid("The code_challenge_method must be S256.");
    }
    let Some(challenge) = parameters.get("code_challenge").and_then(pkce::challenge) else {
        return invalid("The code_challenge is missing or malformed.");
    };
    let scope = Scope::parse(parameters.text("scope")).map_err(|message| (FaultKind::InvalidScope, message))?;
    Ok((scope, challenge))
}
