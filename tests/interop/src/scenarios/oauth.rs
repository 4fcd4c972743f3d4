//! Logging in by OAuth 2.0, as Element X does.

use anyhow::{Context, Result};
use matrix_sdk::{
    Client,
    authentication::oauth::{
        ClientRegistrationData,
        registration::{ApplicationType, ClientMetadata, Localized, OAuthGrantType},
    },
    config::SyncSettings,
    reqwest::Url,
    ruma::serde::Raw,
};

use crate::{browser::Browser, person::PASSWORD, stage::Stage};

/// What the application calls itself; its scheme is the name of its site in reverse.
const SITE: &str = "https://interop.test/";
const CALLBACK: &str = "test.interop:/callback";

pub async fn an_application_is_let_in_refreshes_its_tokens_and_logs_out(stage: Stage) -> Result<()> {
    let alice = stage.person("alice").await?;
    let client = Client::builder().homeserver_url(stage.url()).handle_refresh_tokens().build().await?;
    let callback: Url = CALLBACK.parse()?;
    let grant = OAuthGrantType::AuthorizationCode { redirect_uris: vec![callback.clone()] };
    let site = Localized::new(SITE.parse()?, []);
    let metadata = Raw::new(&ClientMetadata::new(ApplicationType::Native, vec![grant], site))?;

    // The client registers itself, and opens the server's pages.
    let oauth = client.oauth();
    let begun = oauth.login(callback, None, Some(ClientRegistrationData::new(metadata)), None).build().await?;
    let browser = Browser::default();
    let form = browser.open(begun.url).await?;
    let page = browser.submit(&form, &[("name", alice.id().localpart()), ("password", PASSWORD)]).await?;
    page.must_say("Allow access?")?;
    page.must_say("interop.test")?;
    let page = browser.submit(&page, &[("decision", "allow")]).await?;
    oauth.finish_login(page.link("Open the app")?.into()).await?;

    assert_eq!(client.whoami().await?.user_id, alice.id());
    client.sync_once(SyncSettings::default()).await?;
    assert_eq!(alice.client.devices().await?.devices.len(), 2);
    let before = client.session_tokens().context("it is logged in")?;
    oauth.refresh_access_token().await?;
    let after = client.session_tokens().context("it is logged in")?;
    assert_ne!(before.access_token, after.access_token);
    assert_ne!(before.refresh_token, after.refresh_token);
    client.account().set_display_name(Some("Alice by OAuth")).await?;

    // The SDK gives tokens back over HTTPS only, which the server of these tests does not have.
    let revocation = oauth.server_metadata().await?.revocation_endpoint;
    browser.post(revocation, format!("token={}", after.access_token)).await?;
    assert!(client.whoami().await.is_err());
    assert_eq!(alice.client.devices().await?.devices.len(), 1);
    Ok(())
}
