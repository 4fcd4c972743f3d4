//! Rooms that are not encrypted.

use anyhow::Result;
use matrix_sdk::{
    room::{IncludeRelations, ListThreadsOptions, RelationsOptions},
    ruma::{
        OwnedRoomAliasId, OwnedRoomOrAliasId,
        api::client::{
            directory::get_public_rooms_filtered,
            receipt::create_receipt::v3::ReceiptType as SentType,
            room::Visibility,
            room::create_room::v3::{Request, RoomPreset},
        },
        directory::Filter,
        events::{
            receipt::{ReceiptThread, ReceiptType},
            relation::RelationType,
        },
    },
};
use serde_json::json;

use crate::{
    person::{Seen, body},
    stage::Stage,
};

pub async fn messages_are_edited_reacted_to_and_redacted(stage: Stage) -> Result<()> {
    let [alice, bob] = stage.people(["alice", "bob"]).await?;
    let room = stage.room(&alice, &[&bob]).await?;

    let said = alice.say(&room, "Off with her head").await?;
    assert_eq!(bob.read(&room, &said).await?.body(), "Off with her head");

    let reply = bob.reply(&room, &said, "Whose?").await?;
    let reply = alice.read(&room, &reply).await?;
    assert_eq!(reply.content["m.relates_to"]["m.in_reply_to"]["event_id"], said.as_str());

    let reaction = bob.react(&room, &said, "😱").await?;
    let reaction = alice.read(&room, &reaction).await?;
    assert_eq!((reaction.kind.as_str(), reaction.sender), ("m.reaction", bob.id().to_string()));

    alice.edit(&room, &said, "Off with his head").await?;
    let edit = bob.read(&room, &said).await?.unsigned["m.relations"]["m.replace"].clone();
    assert_eq!(edit["content"]["m.new_content"]["body"], "Off with his head");

    alice.room(&room)?.redact(&said, Some("too cruel"), None).await?;
    let stored = bob.stored(&room, &said).await?;
    assert_eq!(stored["content"], json!({}));
    assert_eq!(stored["unsigned"]["redacted_because"]["content"]["reason"], "too cruel");
    Ok(())
}

pub async fn a_thread_gathers_its_answers(stage: Stage) -> Result<()> {
    let [alice, bob] = stage.people(["alice", "bob"]).await?;
    let room = stage.room(&alice, &[&bob]).await?;
    let root = alice.say(&room, "Who stole the tarts?").await?;
    bob.read(&room, &root).await?;

    bob.say_in_thread(&room, &root, "The knave").await?;
    alice.say_in_thread(&room, &root, "Nonsense").await?;

    let threads = bob.room(&room)?.list_threads(ListThreadsOptions::default()).await?.chunk;
    let [thread] = threads.as_slice() else { panic!("there is one thread, not {threads:?}") };
    assert_eq!(thread.event_id().as_ref(), Some(&root));
    let summary = &Seen::from(thread).unsigned["m.relations"]["m.thread"];
    assert_eq!((&summary["count"], body(&summary["latest_event"])?), (&json!(2), "Nonsense"));
    let options = RelationsOptions {
        include_relations: IncludeRelations::RelationsOfType(RelationType::Thread),
        ..RelationsOptions::default()
    };
    let answers = alice.room(&room)?.relations(root, options).await?.chunk;
    let answers: Vec<_> = answers.iter().map(|answer| Seen::from(answer).body().to_owned()).collect();
    assert_eq!(answers, ["Nonsense", "The knave"], "newest first");
    Ok(())
}

pub async fn history_is_read_from_its_end(stage: Stage) -> Result<()> {
    let [alice, bob] = stage.people(["alice", "bob"]).await?;
    let room = stage.room(&alice, &[&bob]).await?;
    let said: Vec<_> = (0..25).map(|number| format!("message {number}")).collect();
    for text in &said {
        alice.say(&room, text).await?;
    }

    let fresh = stage.device(&bob).await?;

    assert_eq!(fresh.history(&room).await?, said);
    Ok(())
}

pub async fn readers_and_writers_show(stage: Stage) -> Result<()> {
    let [alice, bob] = stage.people(["alice", "bob"]).await?;
    let room = stage.room(&alice, &[&bob]).await?;
    let said = alice.say(&room, "Are you there?").await?;
    bob.read(&room, &said).await?;
    let (_guard, mut typing) = alice.room(&room)?.subscribe_to_typing_notifications();

    bob.room(&room)?.typing_notice(true).await?;
    assert_eq!(typing.recv().await?, [bob.id()]);
    bob.room(&room)?.typing_notice(false).await?;
    assert!(typing.recv().await?.is_empty());

    bob.room(&room)?.send_single_receipt(SentType::Read, ReceiptThread::Unthreaded, said.clone()).await?;
    let readers = async || {
        let room = alice.room(&room)?;
        let receipts = room.load_event_receipts(ReceiptType::Read, ReceiptThread::Unthreaded, &said).await?;
        Ok(receipts.into_iter().find(|(reader, _)| *reader == bob.id()))
    };
    alice.until("a receipt", readers).await?;
    Ok(())
}

pub async fn a_mention_is_counted_until_it_is_read(stage: Stage) -> Result<()> {
    let [alice, bob] = stage.people(["alice", "bob"]).await?;
    let room = stage.room(&alice, &[&bob]).await?;
    let counted = async |notifications, highlights| {
        let wanted = (notifications, highlights);
        let counts = async || {
            let counts = bob.room(&room)?.unread_notification_counts();
            Ok(((counts.notification_count, counts.highlight_count) == wanted).then_some(()))
        };
        bob.until(&format!("{wanted:?} unread"), counts).await
    };

    alice.say(&room, "It is late").await?;
    counted(1, 0).await?;
    let mention = alice.mention(&room, &bob, "Bob, it is late").await?;
    counted(2, 1).await?;

    bob.room(&room)?.send_single_receipt(SentType::Read, ReceiptThread::Unthreaded, mention).await?;
    counted(0, 0).await
}

pub async fn a_public_room_is_found_and_joined(stage: Stage) -> Result<()> {
    let [alice, bob] = stage.people(["alice", "bob"]).await?;
    let id = alice.id();
    let (localpart, server) = (format!("croquet-{}", id.localpart()), id.server_name());
    let mut request = Request::new();
    request.preset = Some(RoomPreset::PublicChat);
    request.visibility = Visibility::Public;
    request.name = Some(format!("Croquet of {}", id.localpart()));
    request.room_alias_name = Some(localpart.clone());
    let room = alice.client.create_room(request.clone()).await?.room_id().to_owned();
    let alias = OwnedRoomAliasId::try_from(format!("#{localpart}:{server}"))?;

    let mut search = get_public_rooms_filtered::v3::Request::new();
    search.filter = Filter::new();
    search.filter.generic_search_term = request.name.clone();
    let found = async || {
        let found = bob.client.public_rooms_filtered(search.clone()).await?.chunk;
        Ok(found.into_iter().find(|listed| listed.room_id == room))
    };
    let listed = bob.until("the room in the directory", found).await?;
    assert_eq!((listed.name, listed.canonical_alias), (request.name, Some(alias.clone())));
    let joined = bob.client.join_room_by_id_or_alias(&OwnedRoomOrAliasId::from(alias), &[]).await?;
    assert_eq!(joined.room_id(), room);
    alice.until_joined(&room, 2).await?;
    joined.leave().await?;
    alice.until_joined(&room, 1).await
}
