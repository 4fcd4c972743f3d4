//! Thumbnails: sizes, formats, and pictures that mean harm.

use std::{fs, io::Cursor};

use homeserver::error::ErrorKind;
use homeserver_testing::{TestDownload, TestServer};
use image::{
    AnimationDecoder, DynamicImage, GenericImageView, ImageDecoder, ImageFormat, Rgba, RgbaImage,
    codecs::{gif::GifDecoder, jpeg::JpegDecoder},
};
use reqwest::StatusCode;

use super::{directory, files, pictures, server_with};

#[tokio::test(flavor = "multi_thread")]
async fn the_standard_sizes_are_made() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload(pictures::png(2000, 1500), "image/png", None).await.expect("it is stored");

    for (width, height, method) in
        [(32, 32, "crop"), (96, 96, "crop"), (320, 240, "scale"), (640, 480, "scale"), (800, 600, "scale")]
    {
        let query = format!("width={width}&height={height}&method={method}");
        let thumbnail = alice.thumbnail(&uri, &query).await.expect("it is made");
        assert_eq!(decode(&thumbnail, ImageFormat::Png).dimensions(), (width, height), "{query}");
        assert_eq!(thumbnail.header("content-type"), "image/png");
        assert_eq!(thumbnail.header("content-disposition"), "inline; filename=thumbnail.png");
        assert_eq!(thumbnail.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thumbnail_is_scaled_unless_it_is_to_be_cropped() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload(pictures::png(400, 200), "image/png", None).await.expect("it is stored");

    let scaled = alice.thumbnail(&uri, "width=50&height=50").await.expect("it is made");
    let cropped = alice.thumbnail(&uri, "width=50&height=50&method=crop").await.expect("it is made");

    assert_eq!(decode(&scaled, ImageFormat::Png).dimensions(), (100, 50));
    let cropped = decode(&cropped, ImageFormat::Png);
    assert_eq!(cropped.dimensions(), (50, 50));
    assert_eq!(cropped.get_pixel(2, 25).0, [255, 0, 0, 255], "the middle is kept");
    assert_eq!(cropped.get_pixel(47, 25).0, [0, 0, 255, 255], "the middle is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_small_enough_is_its_own_thumbnail() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let picture = pictures::png(30, 20);
    let uri = alice.upload(picture.clone(), "application/x-mislabelled", Some("a.bin")).await.expect("it is stored");

    for _ in 0..2 {
        let thumbnail = alice.thumbnail(&uri, "width=32&height=32&method=scale").await.expect("it is found");
        assert_eq!(thumbnail.body, picture);
        assert_eq!(thumbnail.header("content-type"), "image/png");
        assert_eq!(thumbnail.header("content-disposition"), "inline; filename=thumbnail.png");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_becomes_one_that_all_clients_show() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let opaque = pictures::halves(100, 100);
    let transparent: DynamicImage = RgbaImage::from_pixel(100, 100, Rgba([0, 255, 0, 128])).into();

    for (picture, format, expected) in [
        (&opaque, ImageFormat::Png, ImageFormat::Png),
        (&opaque, ImageFormat::Jpeg, ImageFormat::Jpeg),
        (&opaque, ImageFormat::WebP, ImageFormat::Jpeg),
        (&opaque, ImageFormat::Gif, ImageFormat::Png),
        (&transparent, ImageFormat::Png, ImageFormat::Png),
        (&transparent, ImageFormat::WebP, ImageFormat::Png),
        (&DynamicImage::ImageLuma16(opaque.to_luma16()), ImageFormat::Png, ImageFormat::Png),
    ] {
        let file = pictures::write(picture, format);
        let uri = alice.upload(file, "image/x", None).await.expect("it is stored");
        let thumbnail = alice.thumbnail(&uri, "width=32&height=32").await.expect("it is made");
        let decoded = decode(&thumbnail, expected);
        assert_eq!(thumbnail.header("content-type"), expected.to_mime_type(), "{format:?}");
        assert_eq!(decoded.dimensions(), (32, 32), "{format:?}");
        assert_eq!(
            decoded.color().has_alpha(),
            picture.color().has_alpha() || format == ImageFormat::Gif,
            "{format:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photograph_is_turned_upright() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload(pictures::jpeg_on_its_side(400, 200), "image/jpeg", None).await.expect("it is stored");

    let thumbnail = alice.thumbnail(&uri, "width=50&height=100&method=crop").await.expect("it is made");

    let upright = decode(&thumbnail, ImageFormat::Jpeg);
    let [top, bottom] = [10, 90].map(|y| upright.get_pixel(25, y).0);
    assert_eq!(upright.dimensions(), (50, 100));
    assert!(top[0] > 200 && top[2] < 50, "what was left is on top: {top:?}");
    assert!(bottom[2] > 200 && bottom[0] < 50, "what was right is at the bottom: {bottom:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_stay_as_they_are_meant() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    for (space, is_kept) in [(b"RGB ", true), (b"CMYK", false)] {
        let profile = [[0; 16].as_slice(), space, [0; 108].as_slice()].concat();
        let file = pictures::jpeg_with_profile(100, 100, &profile);
        let uri = alice.upload(file, "image/jpeg", None).await.expect("it is stored");
        let thumbnail = alice.thumbnail(&uri, "width=32&height=32").await.expect("it is made");
        let mut decoder = JpegDecoder::new(Cursor::new(&thumbnail.body)).expect("it is a JPEG");
        let found = decoder.icc_profile().expect("it can be read");
        assert_eq!(found, is_kept.then_some(profile), "thumbnails are never in CMYK");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moving_picture_moves_only_if_that_is_wanted() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let file = pictures::gif(100, 100, 4);
    let uri = alice.upload(file.clone(), "image/gif", None).await.expect("it is stored");

    for query in ["width=32&height=32", "width=32&height=32&animated=false", "width=200&height=200&animated=false"] {
        let thumbnail = alice.thumbnail(&uri, query).await.expect("it is made");
        assert_eq!(thumbnail.header("content-type"), "image/png", "{query}");
    }
    let moving = alice.thumbnail(&uri, "width=32&height=32&animated=true").await.expect("it is made");
    let original = alice.thumbnail(&uri, "width=200&height=200&animated=true").await.expect("it is found");

    assert_eq!(moving.header("content-type"), "image/gif");
    let frames = GifDecoder::new(Cursor::new(&moving.body)).expect("it is a GIF").into_frames();
    let sizes: Vec<_> = frames.map(|frame| frame.expect("it is whole").buffer().dimensions()).collect();
    assert_eq!(sizes, [(32, 32); 4]);
    assert_eq!(original.body, file);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_still_picture_stays_still() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload(pictures::gif(100, 100, 1), "image/gif", None).await.expect("it is stored");

    let thumbnail = alice.thumbnail(&uri, "width=32&height=32&animated=true").await.expect("it is made");
    let original = alice.thumbnail(&uri, "width=100&height=100").await.expect("it is found");

    assert_eq!(decode(&thumbnail, ImageFormat::Png).dimensions(), (32, 32));
    assert_eq!(original.header("content-type"), "image/gif");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thumbnail_is_made_once() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload(pictures::png(100, 100), "image/png", None).await.expect("it is stored");
    alice.thumbnail(&uri, "width=32&height=32").await.expect("it is made");

    let kept = files(&directory(&server).join("thumbnails")).remove(0);
    fs::write(&kept, "found again").expect("the file can be written");
    let again = alice.thumbnail(&uri, "width=32&height=32").await.expect("it is found");
    let other = alice.thumbnail(&uri, "width=32&height=32&method=crop").await.expect("it is made");

    assert_eq!(again.body, "found again");
    assert_eq!(decode(&other, ImageFormat::Png).dimensions(), (32, 32));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_picture_does_not_fill_the_disk() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload(pictures::png(100, 100), "image/png", None).await.expect("it is stored");

    for side in 1..50 {
        let thumbnail = alice.thumbnail(&uri, &format!("width={side}&height={side}")).await.expect("it is made");
        assert_eq!(decode(&thumbnail, ImageFormat::Png).dimensions(), (side, side));
    }

    assert_eq!(files(&directory(&server).join("thumbnails")).len(), 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_ask_at_once() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload(pictures::png(500, 500), "image/png", None).await.expect("it is stored");

    let asked = (0..20).map(|_| alice.thumbnail(&uri, "width=96&height=96&method=crop"));
    let answers = futures_util::future::join_all(asked).await;

    for answer in answers {
        assert_eq!(decode(&answer.expect("it is made"), ImageFormat::Png).dimensions(), (96, 96));
    }
    assert_eq!(files(&directory(&server).join("thumbnails")).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_has_no_thumbnail() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let mut broken = pictures::png(100, 100);
    broken.truncate(60);

    for file in [b"text".to_vec(), Vec::new(), broken, b"\x89PNG\r\n\x1a\n".to_vec(), b"<svg/>".to_vec()] {
        let uri = alice.upload(file, "image/png", None).await.expect("it is stored");
        for _ in 0..2 {
            let refusal = alice.thumbnail(&uri, "width=32&height=32").await.expect_err("it is no picture");
            refusal.assert_is(&ErrorKind::Unknown);
            assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_would_eat_the_memory_is_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    for (width, height) in [(60_000, 60_000), (u32::MAX >> 1, 1), (1, u32::MAX >> 1), (30_000, 3_000)] {
        let uri = alice.upload(pictures::png_bomb(width, height), "image/png", None).await.expect("it is stored");
        for query in
            ["width=32&height=32&method=crop", "width=99999999&height=99999999", "width=32&height=32&animated=true"]
        {
            let refusal = alice.thumbnail(&uri, query).await.expect_err("it is too large");
            refusal.assert_is(&ErrorKind::TooLarge);
            assert_eq!(refusal.status, StatusCode::PAYLOAD_TOO_LARGE, "{width}x{height} {query}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_for_one_picture_is_limited() {
    let server = server_with(|media| media.thumbnail_memory_bytes = 100_000).await;
    let alice = server.user("alice").await;
    let small = alice.upload(pictures::png(100, 100), "image/png", None).await.expect("it is stored");
    let large = alice.upload(pictures::png(200, 200), "image/png", None).await.expect("it is stored");

    alice.thumbnail(&small, "width=32&height=32").await.expect("it is within the limit");
    let refusal = alice.thumbnail(&large, "width=32&height=32").await.expect_err("it is not");

    refusal.assert_is(&ErrorKind::TooLarge);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_for_one_picture_is_limited() {
    let server = server_with(|media| media.thumbnail_time_ms = 0).await;
    let alice = server.user("alice").await;
    let uri = alice.upload(pictures::png(100, 100), "image/png", None).await.expect("it is stored");

    let refusal = alice.thumbnail(&uri, "width=32&height=32").await.expect_err("there is no time at all");

    refusal.assert_is(&ErrorKind::TooLarge);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_makes_no_sense_is_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload(pictures::png(100, 100), "image/png", None).await.expect("it is stored");

    for query in [
        "width=0&height=32",
        "width=32&height=0",
        "width=-1&height=32",
        "width=1.5&height=32",
        "width=wide&height=32",
        "height=32",
        "",
        "width=32&height=32&method=stretch",
        "width=32&height=32&animated=perhaps",
    ] {
        let refusal = alice.thumbnail(&uri, query).await.expect_err("it makes no sense");
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST, "{query}: {refusal:?}");
    }
}

fn decode(thumbnail: &TestDownload, format: ImageFormat) -> DynamicImage {
    image::load_from_memory_with_format(&thumbnail.body, format).expect("it has that format")
}
