//! Pictures for tests.

use std::io::Cursor;

use image::{
    Delay, DynamicImage, ExtendedColorType, Frame, ImageEncoder, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage,
    codecs::{gif::GifEncoder, jpeg::JpegEncoder},
};

/// A picture whose left half is red and whose right half is blue.
pub(super) fn halves(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, _| if x < width / 2 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) }).into()
}

/// The same as a PNG file.
pub(super) fn png(width: u32, height: u32) -> Vec<u8> {
    write(&halves(width, height), ImageFormat::Png)
}

/// `picture` as a file.
pub(super) fn write(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).expect("the picture can be written");
    file.into_inner()
}

/// A JPEG file that is to be turned by 90 degrees clockwise.
pub(super) fn jpeg_on_its_side(width: u32, height: u32) -> Vec<u8> {
    // A little-endian directory with one entry: orientation (0x0112), a short, one of them, 6.
    let exif = b"II\x2a\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00";
    let picture = halves(width, height).into_rgb8();
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, 90);
    encoder.set_exif_metadata(exif.to_vec()).expect("JPEG files have metadata");
    encoder.write_image(&picture, width, height, ExtendedColorType::Rgb8).expect("the picture can be written");
    file
}

/// A JPEG file whose colours are meant as `profile` says.
pub(super) fn jpeg_with_profile(width: u32, height: u32, profile: &[u8]) -> Vec<u8> {
    let picture = halves(width, height).into_rgb8();
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, 90);
    encoder.set_icc_profile(profile.to_vec()).expect("JPEG files have profiles");
    encoder.write_image(&picture, width, height, ExtendedColorType::Rgb8).expect("the picture can be written");
    file
}

/// A GIF file with `count` frames.
pub(super) fn gif(width: u32, height: u32, count: u8) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut file, 30);
    for number in 0..count {
        let picture = RgbaImage::from_pixel(width, height, Rgba([number * 40, 0, 255 - number * 40, 255]));
        let delay = Delay::from_numer_denom_ms(100, 1);
        encoder.encode_frame(Frame::from_parts(picture, 0, 0, delay)).expect("the frame can be written");
    }
    drop(encoder);
    file
}

/// A PNG file that claims to be `width` by `height` pixels large, and has none.
pub(super) fn png_bomb(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 6, 0, 0, 0]);
    for (kind, content) in
        [(b"IHDR", header), (b"IDAT", b"\x78\x9c\x03\x00\x00\x00\x00\x01".to_vec()), (b"IEND", vec![])]
    {
        let named = [kind.as_slice(), &content].concat();
        file.extend(u32::try_from(content.len()).expect("it is short").to_be_bytes());
        file.extend(&named);
        file.extend(crc(&named).to_be_bytes());
    }
    file
}

/// The check sum of PNG chunks.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 })
    })
}
