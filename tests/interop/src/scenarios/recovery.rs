//! New devices that read old messages: from the backup of keys, or with another device's help.

use anyhow::Result;
use matrix_sdk::encryption::recovery::RecoveryState;

use crate::stage::Stage;

pub async fn a_new_device_restores_the_history_from_the_backup(stage: Stage) -> Result<()> {
    let [alice, bob] = stage.people(["alice", "bob"]).await?;
    alice.set_up_cross_signing().await?;
    let room = stage.encrypted_room(&alice, &[&bob]).await?;
    let mut said = Vec::new();
    for number in 0..25 {
        let (speaker, listener) = if number % 2 == 0 { (&alice, &bob) } else { (&bob, &alice) };
        said.push(format!("message {number}"));
        let event = speaker.say(&room, &said[number]).await?;
        listener.read(&room, &event).await?;
    }
    let key = alice.set_up_recovery().await?;

    let fresh = stage.device(&alice).await?;
    assert_eq!(fresh.history(&room).await?, vec!["(not decrypted)"; said.len()]);
    fresh.client.encryption().recovery().recover(&key).await?;
    fresh.client.encryption().backups().download_room_keys_for_room(&room).await?;

    assert_eq!(fresh.history(&room).await?, said);
    assert_eq!(fresh.client.encryption().recovery().state(), RecoveryState::Enabled);
    assert!(fresh.is_signed().await?);
    let back = fresh.say(&room, "I am back").await?;
    assert_eq!(bob.read(&room, &back).await?.body(), "I am back");
    Ok(())
}

pub async fn a_new_device_is_verified_by_another(stage: Stage) -> Result<()> {
    let alice = stage.person("alice").await?;
    alice.set_up_cross_signing().await?;
    let room = stage.encrypted_room(&alice, &[]).await?;
    let secret = alice.say(&room, "Down the rabbit hole").await?;
    alice.set_up_recovery().await?;
    let fresh = stage.device(&alice).await?;
    fresh.until_knows_identity(&alice.id()).await?;

    fresh.verify(&alice).await?;

    // The secrets come from the other device: those of cross-signing, and the key of the backup.
    let recovered = async || {
        let state = fresh.client.encryption().recovery().state();
        Ok((state == RecoveryState::Enabled && fresh.is_signed().await?).then_some(()))
    };
    fresh.until("the secrets", recovered).await?;
    fresh.client.encryption().backups().download_room_keys_for_room(&room).await?;
    assert_eq!(fresh.read(&room, &secret).await?.body(), "Down the rabbit hole");
    Ok(())
}
