//! An identity provider that speaks OpenID Connect, and lies when a test wants that.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ed25519_dalek::{Signer, SigningKey};
use homeserver::config::IdentityProvider;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

use crate::{TestServer, browser::parameter, listener, listener::Request};

/// What servers are called there, and the secret that goes with it.
const CLIENT: &str = "salon";
const SECRET: &str = "the secret of salon";

/// A running provider.
#[derive(Debug)]
pub struct TestProvider {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    issuer: String,
    key: u8,
    /// What is issued for codes.
    grants: BTreeMap<String, Grant>,
    /// What the userinfo endpoint tells, by access tokens.
    people: BTreeMap<String, Value>,
    is_away: bool,
}

/// What a code is good for.
#[derive(Debug)]
struct Grant {
    challenge: String,
    redirect: String,
    token: String,
    userinfo: Value,
}

impl TestProvider {
    /// Starts a provider.
    pub async fn start() -> Self {
        let state =
            State { issuer: String::new(), key: 1, grants: BTreeMap::new(), people: BTreeMap::new(), is_away: false };
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        let address = listener::start(move |request| {
            let answer = lock(&shared).answer(&request);
            async move { answer }
        })
        .await;
        lock(&state).issuer = format!("http://{address}/");
        Self { address, state }
    }

    /// How a server is told of it.
    pub fn rules(&self) -> IdentityProvider {
        IdentityProvider {
            id: "sso".to_owned(),
            name: "Example SSO".to_owned(),
            issuer: self.issuer(),
            client_id: CLIENT.to_owned(),
            client_secret: Some(SECRET.to_owned().into()),
            ..IdentityProvider::default()
        }
    }

    /// Its issuer.
    pub fn issuer(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Lets somebody sign in who was sent to `address`; `claims` are told of them, at the userinfo endpoint as
    /// far as they are not about the sign-in. Returns the path with which they come back.
    pub fn approve(&self, server: &TestServer, address: &str, claims: Value) -> String {
        self.approve_with(server, address, claims, |claims| self.sign(&claims))
    }

    /// The same with an ID token that is made from its claims by `make`.
    pub fn approve_with(
        &self,
        server: &TestServer,
        address: &str,
        told: Value,
        make: impl FnOnce(Value) -> String,
    ) -> String {
        let parameter = |name: &str| parameter(address, name).unwrap_or_else(|| panic!("{name} is in {address}"));
        assert!(address.starts_with(&format!("{}authorize?", self.issuer())), "{address}");
        assert_eq!((&*parameter("response_type"), &*parameter("code_challenge_method")), ("code", "S256"));
        let (mut claims, mut userinfo) = (self.claims(server, address), json!({}));
        for (name, value) in told.as_object().expect("an object") {
            let is_about_person = !["iss", "aud", "exp", "iat", "nonce", "acr", "auth_time"].contains(&&**name);
            if name == "sub" || !is_about_person {
                claims[name] = value.clone();
            }
            if is_about_person {
                userinfo[name] = value.clone();
            }
        }
        let redirect = parameter("redirect_uri");
        let token = make(claims);
        let mut state = lock(&self.state);
        let code = format!("code-{}", state.grants.len());
        let grant = Grant { challenge: parameter("code_challenge"), redirect: redirect.clone(), token, userinfo };
        state.grants.insert(code.clone(), grant);
        drop(state);
        self.back(&redirect, &[("code", &code), ("state", &parameter("state"))])
    }

    /// The path with which somebody comes back who did not sign in.
    pub fn refuse(&self, address: &str) -> String {
        let parameter = |name: &str| parameter(address, name).expect("it is there");
        let state = parameter("state");
        self.back(&parameter("redirect_uri"), &[("error", "access_denied"), ("state", &state)])
    }

    /// Signs claims as a provider does.
    pub fn sign(&self, claims: &Value) -> String {
        let number = lock(&self.state).key;
        self.sign_as(&json!({ "alg": "EdDSA", "kid": number.to_string() }), claims, number)
    }

    /// Signs claims with the key of this number, under a header of the caller's.
    pub fn sign_as(&self, header: &Value, claims: &Value, key: u8) -> String {
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encoded(header), encoded(claims));
        let signature = SigningKey::from_bytes(&[key; 32]).sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// Signs with another key from now on.
    pub fn change_key(&self) {
        lock(&self.state).key += 1;
    }

    /// Answers nothing sensible from now on.
    pub fn go_away(&self) {
        lock(&self.state).is_away = true;
    }

    /// What an ID token says besides who somebody is.
    fn claims(&self, server: &TestServer, address: &str) -> Value {
        let now = server.app.clock.now_ms() / 1000;
        let mut claims = json!({
            "iss": self.issuer(), "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": parameter(address, "nonce"),
        });
        if parameter(address, "max_age").is_some() {
            claims["auth_time"] = json!(now);
        }
        claims
    }

    fn back(&self, redirect: &str, parameters: &[(&str, &str)]) -> String {
        let mut url = Url::parse(redirect).expect("an address to come back to");
        url.query_pairs_mut().extend_pairs(parameters).append_pair("iss", &self.issuer());
        format!("{}?{}", url.path(), url.query().unwrap_or_default())
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> (u16, Value) {
        if self.is_away {
            return (502, json!({}));
        }
        match request.path.as_str() {
            "/.well-known/openid-configuration" => (200, self.metadata()),
            "/keys" => (200, json!({ "keys": [self.public_key()] })),
            "/token" => self.token(request),
            "/userinfo" => self.userinfo(request),
            other => panic!("nobody asks for {other}"),
        }
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("authorize"),
            "token_endpoint": at("token"),
            "userinfo_endpoint": at("userinfo"),
            "jwks_uri": at("keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    fn public_key(&self) -> Value {
        let public = SigningKey::from_bytes(&[self.key; 32]).verifying_key();
        json!({
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.key.to_string(),
            "x": URL_SAFE_NO_PAD.encode(public.as_bytes()),
        })
    }

    /// RFC 6749, section 4.1.3, and RFC 7636, section 4.6.
    fn token(&mut self, request: &Request) -> (u16, Value) {
        let form: BTreeMap<String, String> = form_urlencoded::parse(&request.body).into_owned().collect();
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(CLIENT), encode(SECRET))));
        assert_eq!(request.authorization.as_deref(), Some(&*basic), "the server knows its secret");
        let Some(grant) = self.grants.remove(&form["code"]) else { return (400, json!({ "error": "invalid_grant" })) };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
        if challenge != grant.challenge || form["redirect_uri"] != grant.redirect {
            return (400, json!({ "error": "invalid_grant" }));
        }
        let access = format!("access-{}", form["code"]);
        self.people.insert(access.clone(), grant.userinfo);
        (200, json!({ "access_token": access, "token_type": "Bearer", "expires_in": 60, "id_token": grant.token }))
    }

    fn userinfo(&self, request: &Request) -> (u16, Value) {
        let token = request.authorization.as_deref().and_then(|header| header.strip_prefix("Bearer "));
        let found = token.and_then(|token| self.people.get(token));
        found.map_or_else(|| (401, json!({ "error": "invalid_token" })), |person| (200, person.clone()))
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
