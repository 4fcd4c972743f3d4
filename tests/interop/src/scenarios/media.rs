//! Files and pictures.

use anyhow::{Context, Result};
use matrix_sdk::{
    attachment::AttachmentConfig,
    media::{MediaFormat, MediaRequestParameters, MediaThumbnailSettings},
    ruma::{
        events::room::{MediaSource, message::FileMessageEventContent},
        uint,
    },
};

use crate::stage::Stage;

/// A picture of 64 by 48 points, all of one colour.
const PICTURE: &[u8] = include_bytes!("picture.png");

pub async fn a_file_goes_up_and_comes_down(stage: Stage) -> Result<()> {
    let [alice, bob] = stage.people(["alice", "bob"]).await?;
    let data: Vec<u8> = (0..100_000_u32).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1]).collect();

    let uploaded = alice.client.media().upload(&"application/x-tea".parse()?, data.clone(), None).await?;

    let source = MediaSource::Plain(uploaded.content_uri);
    let request = MediaRequestParameters { source, format: MediaFormat::File };
    assert_eq!(bob.client.media().get_media_content(&request, false).await?, data);
    Ok(())
}

pub async fn a_picture_is_scaled_by_the_server(stage: Stage) -> Result<()> {
    let alice = stage.person("alice").await?;
    let uploaded = alice.client.media().upload(&"image/png".parse()?, PICTURE.to_vec(), None).await?;

    let source = MediaSource::Plain(uploaded.content_uri);
    let format = MediaFormat::Thumbnail(MediaThumbnailSettings::new(uint!(32), uint!(24)));
    let small = alice.client.media().get_media_content(&MediaRequestParameters { source, format }, false).await?;

    assert_eq!(size(&small)?, (32, 24));
    Ok(())
}

pub async fn an_attachment_is_encrypted_on_its_way(stage: Stage) -> Result<()> {
    let [alice, bob] = stage.people(["alice", "bob"]).await?;
    let room = stage.encrypted_room(&alice, &[&bob]).await?;

    let config = AttachmentConfig::new();
    let sent = alice
        .room(&room)?
        .send_attachment("poem.bin", &"application/octet-stream".parse()?, PICTURE.to_vec(), config)
        .await?;

    let seen = bob.read(&room, &sent.event_id).await?;
    assert_eq!((seen.body(), seen.is_encrypted), ("poem.bin", true));
    let content: FileMessageEventContent = serde_json::from_value(seen.content)?;
    let MediaSource::Encrypted(file) = content.source.clone() else { panic!("the file is not encrypted") };
    let got = bob.client.media().get_file(&content, false).await?.context("there is a file")?;
    assert_eq!(got, PICTURE);
    let request = MediaRequestParameters { source: MediaSource::Plain(file.url), format: MediaFormat::File };
    assert_ne!(bob.client.media().get_media_content(&request, false).await?, PICTURE, "as the server has it");
    Ok(())
}

/// The width and height in the header of a PNG file.
fn size(png: &[u8]) -> Result<(u32, u32)> {
    anyhow::ensure!(png.starts_with(b"\x89PNG"), "it is no PNG file");
    let number = |at: usize| png.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    Ok((number(16).context("a width")?, number(20).context("a height")?))
}
