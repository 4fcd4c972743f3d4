//! One identity provider: what its metadata say, and what it tells of people.

use std::{pin::Pin, sync::Arc, time::Duration};

use anyhow::{Context, anyhow, bail};
use chrono::{DateTime, Utc};
use openidconnect::{
    AdditionalProviderMetadata, AsyncHttpClient, AuthType, AuthenticationContextClass, AuthorizationCode,
    ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    ProviderMetadata, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, TokenResponse,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient,
        CoreClientAuthMethod, CoreGrantType, CoreIdToken, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
        CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType,
        CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tracing::warn;
use url::Url;

use super::claims;
use crate::{
    Result, accounts::identities::Person, clock::Clock, config::IdentityProvider, remote::outgoing::Outgoing,
    secrets::files,
};

/// How long metadata and keys are good, in milliseconds.
const METADATA_MS: i64 = 3600 * 1000;
/// The least time between two looks for a key that is not known.
const KEYS_MS: i64 = 60 * 1000;
/// By how much the clocks may differ.
const SKEW_MS: i64 = 60 * 1000;

/// How ID tokens may be signed: never by nobody, nor by a secret that both sides have.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// A provider.
#[derive(Debug)]
pub(super) struct Provider {
    rules: IdentityProvider,
    secret: Option<ClientSecret>,
    redirect: RedirectUrl,
    outgoing: Outgoing,
    clock: Clock,
    known: Mutex<Option<Known>>,
}

/// What was read from a provider.
#[derive(Clone, Debug)]
struct Known {
    metadata: Arc<Metadata>,
    read_at: i64,
}

/// Somebody on the way there and back.
pub(super) struct Trip {
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    /// Whether they have to prove anew who they are.
    pub(super) proves_anew: bool,
    /// When they left, in milliseconds since the epoch.
    pub(super) began_at: i64,
}

/// Why nothing is known of somebody.
pub(super) enum Fault {
    /// The provider cannot be reached, or answers what it should not.
    Away(anyhow::Error),
    /// The code is not good.
    BadCode(anyhow::Error),
    /// What it told cannot be relied on.
    Doubtful(Doubt),
}

/// Why what a provider tells cannot be relied on.
pub(super) enum Doubt {
    /// It is not proved that it is told by that provider, for this server, now.
    Unproved(String),
    /// The way in which somebody signed in there is not good enough.
    Weak,
    /// Nobody had to prove anew who they are.
    NotAnew,
}

impl Doubt {
    /// A word for it.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Unproved(_) => "bad_id_token",
            Self::Weak => "weak_sign_in",
            Self::NotAnew => "not_proved_anew",
        }
    }
}

impl From<anyhow::Error> for Fault {
    fn from(cause: anyhow::Error) -> Self {
        Self::Away(cause)
    }
}

/// What is read of a provider's metadata besides what every provider has.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Additional {
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Additional {}

type Metadata = ProviderMetadata<
    Additional,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// A client of a provider whose metadata are known.
type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

impl Provider {
    /// The provider that `rules` describe; people come back to a page below `base`.
    pub(super) fn new(rules: &IdentityProvider, base: &Url, outgoing: Outgoing, clock: Clock) -> Result<Self> {
        let secret = match (&rules.client_secret, &rules.client_secret_file) {
            (Some(secret), _) => Some(secret.expose().to_owned()),
            (None, Some(file)) => Some(files::given(file)?.to_string()),
            (None, None) => None,
        };
        // Each provider has its own address to come back to: RFC 9700, section 4.4.2.
        let redirect = base.join(&format!("/login/with/{}/done", rules.id)).context("the address to come back to")?;
        Ok(Self {
            rules: rules.clone(),
            secret: secret.map(ClientSecret::new),
            redirect: RedirectUrl::from_url(redirect),
            outgoing,
            clock,
            known: Mutex::default(),
        })
    }

    /// What the operator has decided about it.
    pub(super) fn rules(&self) -> &IdentityProvider {
        &self.rules
    }

    /// Where somebody signs in there.
    pub(super) async fn address(&self, trip: &Trip) -> Result<Url, Fault> {
        let client = self.client(&*self.metadata(METADATA_MS).await?);
        let (state, nonce) = (trip.state.clone(), trip.nonce.clone());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(trip.verifier.clone()));
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || CsrfToken::new(state), || Nonce::new(nonce))
            // The library adds `openid` by itself.
            .add_scopes(self.rules.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new))
            .set_pkce_challenge(challenge);
        for acr in &self.rules.acr_values {
            request = request.add_auth_context_value(AuthenticationContextClass::new(acr.clone()));
        }
        if trip.proves_anew && self.rules.reauthenticates {
            request = request.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO);
        }
        Ok(request.url().0)
    }

    /// Who it is that came back with a code, as far as this is proved.
    pub(super) async fn person(&self, trip: &Trip, code: &str, iss: Option<&str>) -> Result<Person, Fault> {
        let metadata = self.metadata(METADATA_MS).await?;
        self.check_issuer(&metadata, iss)?;
        let client = self.client(&metadata);
        let request = client.exchange_code(AuthorizationCode::new(code.to_owned())).context("no token endpoint")?;
        let answer = request
            .set_pkce_verifier(PkceCodeVerifier::new(trip.verifier.clone()))
            .request_async(&Way(&self.outgoing))
            .await
            .map_err(|fault| match fault {
                RequestTokenError::ServerResponse(refusal) => Fault::BadCode(anyhow!("{refusal}")),
                RequestTokenError::Parse(fault, _) => Fault::Away(anyhow!(fault).context("the token endpoint")),
                other => Fault::Away(anyhow!(other).context("the token endpoint")),
            })?;
        let token = answer.id_token().ok_or_else(|| Fault::Away(anyhow!("there is no ID token")))?;
        let mut claims = self.verified(trip, token).await?;
        self.check_way(trip, &claims)?;
        if let Some(endpoint) = metadata.userinfo_endpoint().filter(|_| self.rules.userinfo) {
            let more = self.userinfo(endpoint.url(), answer.access_token().secret()).await?;
            // OpenID Connect Core, "Successful UserInfo Response": otherwise it may be about somebody else.
            if more.get("sub") != claims.get("sub") {
                return Err(unproved("the userinfo endpoint tells of somebody else"));
            }
            for (name, value) in more {
                claims.entry(name).or_insert(value);
            }
        }
        claims::person(&self.rules, &claims).ok_or_else(|| unproved("there is no subject"))
    }

    /// Against mix-ups: whoever answered must be this provider. RFC 9207, section 2.4.
    fn check_issuer(&self, metadata: &Metadata, iss: Option<&str>) -> Result<(), Fault> {
        let is_promised = metadata.additional_metadata().authorization_response_iss_parameter_supported;
        match iss {
            Some(iss) if iss != self.rules.issuer => Err(unproved("another issuer has answered")),
            None if is_promised => Err(unproved("the issuer that has answered is not named")),
            _ => Ok(()),
        }
    }

    /// The claims of an ID token that is for this server, from this sign-in, and signed by the provider.
    async fn verified(&self, trip: &Trip, token: &CoreIdToken) -> Result<Map<String, Value>, Fault> {
        let mut verdict = self.verify(&*self.metadata(METADATA_MS).await?, trip, token);
        let is_unknown = |fault: &ClaimsVerificationError| {
            matches!(fault, ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey))
        };
        if verdict.as_ref().is_err_and(is_unknown) {
            // OpenID Connect Core, "Rotation of Asymmetric Signing Keys".
            verdict = self.verify(&*self.metadata(KEYS_MS).await?, trip, token);
        }
        verdict.map_err(|fault| unproved(chain(&fault)))?;
        claims::of_token(&token.to_string()).ok_or_else(|| unproved("the ID token has no claims"))
    }

    fn verify(&self, metadata: &Metadata, trip: &Trip, token: &CoreIdToken) -> Result<(), ClaimsVerificationError> {
        let client = self.client(metadata);
        let now_ms = self.clock.now_ms();
        let at = |ms: i64| DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default();
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || at(now_ms - SKEW_MS))
            .set_issue_time_verifier_fn(move |issued| {
                if issued > at(now_ms + SKEW_MS) { Err("it is not issued yet".to_owned()) } else { Ok(()) }
            });
        token.claims(&verifier, &Nonce::new(trip.nonce.clone())).map(drop)
    }

    /// Whether somebody has signed in there in a good way, and anew where that is needed.
    fn check_way(&self, trip: &Trip, claims: &Map<String, Value>) -> Result<(), Fault> {
        let acr = claims.get("acr").and_then(Value::as_str);
        let is_good = |acr: &str| self.rules.acr_values.iter().any(|good| good == acr);
        if !self.rules.acr_values.is_empty() && !acr.is_some_and(is_good) {
            return Err(Fault::Doubtful(Doubt::Weak));
        }
        let is_late = |auth_time: i64| auth_time.saturating_mul(1000) >= trip.began_at - SKEW_MS;
        let is_anew = || claims.get("auth_time").and_then(Value::as_i64).is_some_and(is_late);
        if trip.proves_anew && self.rules.reauthenticates && !is_anew() {
            return Err(Fault::Doubtful(Doubt::NotAnew));
        }
        Ok(())
    }

    async fn userinfo(&self, endpoint: &Url, token: &str) -> anyhow::Result<Map<String, Value>> {
        let request = http::Request::get(endpoint.as_str())
            .header(http::header::AUTHORIZATION, format!("Bearer {token}"))
            .header(http::header::ACCEPT, "application/json")
            .body(Vec::new())?;
        let answer = self.outgoing.pass(request).await.context("the userinfo endpoint")?;
        if !answer.status().is_success() {
            bail!("the userinfo endpoint answered {}", answer.status());
        }
        serde_json::from_slice(answer.body()).context("the userinfo endpoint")
    }

    fn client(&self, metadata: &Metadata) -> Client {
        let id = ClientId::new(self.rules.client_id.clone());
        let client = CoreClient::from_provider_metadata(metadata.clone(), id, self.secret.clone());
        let methods = metadata.token_endpoint_auth_methods_supported();
        let takes_basic = methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let way = if takes_basic { AuthType::BasicAuth } else { AuthType::RequestBody };
        client.set_redirect_uri(self.redirect.clone()).set_auth_type(way)
    }

    /// The provider's metadata and keys, read at most so many milliseconds ago. Those that were read before
    /// are good as long as there are no newer ones.
    async fn metadata(&self, oldest_ms: i64) -> anyhow::Result<Arc<Metadata>> {
        // Whoever comes meanwhile waits for the same answer.
        let mut known = self.known.lock().await;
        let now_ms = self.clock.now_ms();
        if let Some(known) = &*known
            && now_ms - known.read_at < oldest_ms
        {
            return Ok(known.metadata.clone());
        }
        match (self.read_metadata().await, &*known) {
            (Ok(metadata), _) => {
                let metadata = Arc::new(metadata);
                *known = Some(Known { metadata: metadata.clone(), read_at: now_ms });
                Ok(metadata)
            }
            (Err(fault), Some(known)) => {
                warn!(provider.id = self.rules.id, cause = format!("{fault:#}"), "Metadata could not be read anew");
                Ok(known.metadata.clone())
            }
            (Err(fault), None) => Err(fault),
        }
    }

    async fn read_metadata(&self) -> anyhow::Result<Metadata> {
        let issuer = IssuerUrl::new(self.rules.issuer.clone())?;
        let is_plain = issuer.url().scheme() == "http";
        let metadata = Metadata::discover_async(issuer, &Way(&self.outgoing))
            .await
            .map_err(|fault| anyhow!(chain(&fault)).context("reading the metadata"))?;
        let mut endpoints = vec![metadata.authorization_endpoint().url(), metadata.jwks_uri().url()];
        endpoints.extend(metadata.token_endpoint().map(|url| url.url()));
        endpoints.extend(metadata.userinfo_endpoint().map(|url| url.url()));
        if let Some(url) = endpoints.into_iter().find(|url| url.scheme() != "https" && !is_plain) {
            bail!("{url} is not reached by https");
        }
        Ok(metadata)
    }
}

/// The way of the library's requests.
struct Way<'o>(&'o Outgoing);

/// A request that failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unreachable(String);

impl<'c> AsyncHttpClient<'c> for Way<'_> {
    type Error = Unreachable;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unreachable>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { self.0.pass(request).await.map_err(|fault| Unreachable(format!("{fault:#}"))) })
    }
}

fn unproved(cause: impl Into<String>) -> Fault {
    Fault::Doubtful(Doubt::Unproved(cause.into()))
}

/// An error with what caused it.
fn chain(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut source = fault.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
