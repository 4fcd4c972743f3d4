//! Accounts, their devices, and what they keep on the server.

use anyhow::{Context, Result};
use matrix_sdk::ruma::{events::GlobalAccountDataEventType, serde::Raw};
use serde_json::{Value, json};

use crate::stage::Stage;

pub async fn a_device_logs_in_and_is_deleted_by_another(stage: Stage) -> Result<()> {
    let alice = stage.person("alice").await?;
    let second = stage.device(&alice).await?;
    assert_eq!(alice.client.devices().await?.devices.len(), 2);

    let doomed = [second.device()];
    let refusal = alice.client.delete_devices(&doomed, None).await.err().context("the password is needed")?;
    let session = refusal.as_uiaa_response().context("it says what is needed")?.session.clone();
    alice.client.delete_devices(&doomed, Some(alice.proof(session))).await?;

    assert!(second.client.whoami().await.is_err());
    assert_eq!(alice.client.whoami().await?.device_id, Some(alice.device()));
    alice.client.logout().await?;
    assert!(alice.client.whoami().await.is_err());
    Ok(())
}

pub async fn a_person_is_found_by_name(stage: Stage) -> Result<()> {
    let [alice, bob] = stage.people(["alice", "bob"]).await?;
    let name = format!("Alice Liddell of {}", alice.id().localpart());
    stage.room(&alice, &[&bob]).await?;

    alice.client.account().set_display_name(Some(&name)).await?;

    let found = bob
        .until("somebody of that name", async || {
            let found = bob.client.search_users(&name, 10).await?.results;
            Ok(found.into_iter().find(|user| user.user_id == alice.id()))
        })
        .await?;
    assert_eq!(found.display_name.as_deref(), Some(name.as_str()));
    assert_eq!(alice.client.account().get_display_name().await?, Some(name));
    Ok(())
}

pub async fn account_data_reach_all_devices(stage: Stage) -> Result<()> {
    let alice = stage.person("alice").await?;
    let second = stage.device(&alice).await?;
    let kind = GlobalAccountDataEventType::from("org.example.tea");

    let tea = json!({ "time": "always" });
    alice.client.account().set_account_data_raw(kind.clone(), Raw::new(&tea)?.cast_unchecked()).await?;

    let told = second
        .until("the account data", async || Ok(second.client.account().account_data_raw(kind.clone()).await?))
        .await?;
    assert_eq!(serde_json::from_str::<Value>(told.json().get())?, tea);
    Ok(())
}
