//! `[[identity_providers]]`: servers elsewhere at which people may sign in, by OpenID Connect.

use std::path::PathBuf;

use ruma::OwnedMxcUri;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Hidden, Problem, values};

/// The name under which clients know the pages of this server itself, among the providers.
pub const HERE: &str = "local";

/// An identity provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityProvider {
    /// Its name in addresses; it stays as it is once people use it.
    pub id: String,
    /// What people are told that it is called.
    pub name: String,
    /// Its issuer, exactly as its metadata name it.
    pub issuer: String,
    /// What this server is called there.
    pub client_id: String,
    /// The secret that goes with it; none for a public client.
    pub client_secret: Option<Hidden>,
    /// A file with that secret.
    pub client_secret_file: Option<PathBuf>,
    /// What it is asked for.
    #[serde(deserialize_with = "values::one_or_many")]
    pub scopes: Vec<String>,
    /// Whether somebody whom it knows may make an account here, whatever the mode of registration.
    pub accounts: ProvidedAccounts,
    /// The claim that suggests a user name.
    pub localpart_claim: String,
    /// Whether that is the user name, and people cannot choose another.
    pub fixed_localparts: bool,
    /// The claim with the display name.
    pub display_name_claim: String,
    /// The claim with the e-mail address.
    pub email_claim: String,
    /// Whether e-mail addresses are taken as proved although the provider does not say so.
    pub trusted_emails: bool,
    /// Whether more claims are asked for at the provider's userinfo endpoint.
    pub userinfo: bool,
    /// The ways of signing in there that are good enough; the first is the preferred one.
    #[serde(deserialize_with = "values::one_or_many")]
    pub acr_values: Vec<String>,
    /// Whether signing in there counts as a second factor.
    pub trusted_second_factor: bool,
    /// Whether it asks people again who they are when it is told to.
    pub reauthenticates: bool,
    /// The brand by which clients choose how its button looks.
    pub brand: Option<String>,
    /// The picture that clients show on its button.
    pub icon: Option<OwnedMxcUri>,
}

/// What somebody whom an identity provider knows may do without an account here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProvidedAccounts {
    /// Make one.
    #[default]
    Create,
    /// Nothing: accounts are made in another way, and linked by their owners.
    Link,
}

impl Default for IdentityProvider {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            client_secret_file: None,
            scopes: ["openid", "profile", "email"].map(ToOwned::to_owned).into(),
            accounts: ProvidedAccounts::default(),
            localpart_claim: "preferred_username".to_owned(),
            fixed_localparts: false,
            display_name_claim: "name".to_owned(),
            email_claim: "email".to_owned(),
            trusted_emails: false,
            userinfo: true,
            acr_values: Vec::new(),
            trusted_second_factor: false,
            reauthenticates: true,
            brand: None,
            icon: None,
        }
    }
}

impl IdentityProvider {
    fn check(&self) -> Result<(), Problem> {
        let problem = |name: &str, message: &str| Err(Problem::new(format!("identity_providers.{name}"), message));
        let is_plain = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        if self.id.is_empty() || self.id.len() > 64 || !is_plain(&self.id) {
            return problem("id", "must be 1 to 64 letters, digits and - . _ ~");
        }
        if self.id == HERE {
            return problem("id", "is the name of this server's own pages: choose another");
        }
        if self.name.is_empty() || self.client_id.is_empty() {
            return problem(if self.name.is_empty() { "name" } else { "client_id" }, "is needed");
        }
        let is_local = |url: &Url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match Url::parse(&self.issuer) {
            Ok(url) if url.query().is_none() && (url.scheme() == "https" || is_local(&url)) => {}
            _ => return problem("issuer", "must look like https://sso.example.org"),
        }
        if self.client_secret.is_some() && self.client_secret_file.is_some() {
            return problem("client_secret_file", "is of no use beside client_secret");
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return problem("scopes", "must contain openid");
        }
        Ok(())
    }
}

/// Refuses providers that make no sense, alone or together.
pub(super) fn check(providers: &[IdentityProvider]) -> Result<(), Problem> {
    for (index, provider) in providers.iter().enumerate() {
        provider.check()?;
        let others = &providers[..index];
        if others.iter().any(|other| other.id == provider.id) {
            return Err(Problem::new("identity_providers.id", "must be another for each provider"));
        }
        if others.iter().any(|other| other.issuer == provider.issuer) {
            return Err(Problem::new("identity_providers.issuer", "must be another for each provider"));
        }
    }
    Ok(())
}
