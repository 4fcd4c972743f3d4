//! Encrypted rooms, and people who verify each other.

use anyhow::Result;

use crate::{person::body, stage::Stage};

pub async fn members_of_an_encrypted_room_read_each_other(stage: Stage) -> Result<()> {
    let [alice, bob] = stage.people(["alice", "bob"]).await?;
    for person in [&alice, &bob] {
        person.set_up_cross_signing().await?;
        assert!(person.is_signed().await?);
    }
    let room = stage.encrypted_room(&alice, &[&bob]).await?;

    let question = alice.say(&room, "Do cats eat bats?").await?;
    let asked = bob.read(&room, &question).await?;
    let answer = bob.say(&room, "Do bats eat cats?").await?;
    let answered = alice.read(&room, &answer).await?;

    assert_eq!((asked.body(), asked.sender.as_str()), ("Do cats eat bats?", alice.id().as_str()));
    assert_eq!(answered.body(), "Do bats eat cats?");
    assert!(asked.is_encrypted && answered.is_encrypted);
    let stored = alice.stored(&room, &question).await?;
    assert_eq!(stored["type"], "m.room.encrypted");
    assert!(!stored.to_string().contains("bats"));
    Ok(())
}

pub async fn reactions_edits_and_threads_work_in_encrypted_rooms(stage: Stage) -> Result<()> {
    let [alice, bob] = stage.people(["alice", "bob"]).await?;
    let room = stage.encrypted_room(&alice, &[&bob]).await?;
    let root = alice.say(&room, "Off with her head").await?;
    bob.read(&room, &root).await?;

    let reaction = bob.react(&room, &root, "😱").await?;
    assert_eq!(alice.read(&room, &reaction).await?.content["m.relates_to"]["key"], "😱");

    let answer = bob.say_in_thread(&room, &root, "Whose?").await?;
    let answer = alice.read(&room, &answer).await?;
    assert_eq!((answer.body(), answer.is_encrypted), ("Whose?", true));
    assert_eq!(answer.content["m.relates_to"]["event_id"], root.as_str());

    let edit = alice.edit(&room, &root, "Off with his head").await?;
    let edit = bob.read(&room, &edit).await?;
    assert_eq!(edit.content["m.new_content"]["body"], "Off with his head");
    let stored = bob.stored(&room, &root).await?;
    let relations = &stored["unsigned"]["m.relations"];
    assert_eq!(relations["m.replace"]["type"], "m.room.encrypted", "the server sees no more than that it is an edit");
    assert_eq!(relations["m.thread"]["count"], 1);
    assert!(body(&stored).is_err());
    Ok(())
}

pub async fn people_verify_each_other_by_emoji(stage: Stage) -> Result<()> {
    let [alice, bob] = stage.people(["alice", "bob"]).await?;
    for person in [&alice, &bob] {
        person.set_up_cross_signing().await?;
    }
    stage.encrypted_room(&alice, &[&bob]).await?;
    alice.until_knows_identity(&bob.id()).await?;
    bob.until_knows_identity(&alice.id()).await?;

    alice.verify(&bob).await?;

    alice.until_verified(&bob.id()).await?;
    bob.until_verified(&alice.id()).await
}
