//! Makes thumbnails of pictures: decodes, scales, encodes. Blocks; trusts nothing in the file.

mod animation;
mod scaling;
mod source;

use std::{
    fs::File,
    io::{self, Seek},
    time::Duration,
};

use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, Limits,
    codecs::{
        gif::GifDecoder,
        jpeg::{JpegDecoder, JpegEncoder},
        png::{PngDecoder, PngEncoder},
        webp::WebPDecoder,
    },
    metadata::Orientation,
};

use self::{
    animation::{animation, is_animated},
    scaling::scale,
    source::Source,
};
use super::geometry::{Plan, Shape, Size, plan};

const JPEG_QUALITY: u8 = 85;
/// Where an ICC profile says which colours it is for, and how it says that they are RGB.
const PROFILE_SPACE: (std::ops::Range<usize>, &[u8]) = (16..20, b"RGB ");

/// The formats of pictures that are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are names of formats")]
pub enum Format {
    Png,
    Jpeg,
    Gif,
    Webp,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Png, Self::Jpeg, Self::Gif, Self::Webp];

    /// Its name, which is also the subtype of its content type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Gif => "gif",
            Self::Webp => "webp",
        }
    }
}

/// What the making of one thumbnail may cost.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Of the picture.
    pub pixels: u64,
    /// In bytes.
    pub memory: u64,
    /// Until the last byte is read.
    pub time: Duration,
}

/// What is to be served.
#[derive(Debug)]
pub enum Outcome {
    /// The original, which has this format.
    Original(Format),
    /// These bytes.
    Made(Format, Vec<u8>),
}

/// Why there is no thumbnail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is no picture, or none that can be read.
    Unreadable,
    /// It would cost too much.
    TooLarge,
}

impl From<ImageError> for Unfit {
    fn from(fault: ImageError) -> Self {
        match fault {
            ImageError::Limits(_) => Self::TooLarge,
            ImageError::IoError(fault) => fault.into(),
            _ => Self::Unreadable,
        }
    }
}

impl From<io::Error> for Unfit {
    fn from(fault: io::Error) -> Self {
        if fault.kind() == io::ErrorKind::TimedOut { Self::TooLarge } else { Self::Unreadable }
    }
}

/// Makes a thumbnail of the picture in `file`.
pub fn thumbnail(file: File, shape: &Shape, budget: &Budget) -> Result<Outcome, Unfit> {
    let length = file.metadata()?.len();
    let mut source = source::open(file, budget.time);
    let format = guess(&mut source)?;
    let (size, orientation) = inspect(&mut source, format, length, budget)?;
    let lies_on_its_side = swaps_sides(orientation);
    let shown = if lies_on_its_side { (size.1, size.0) } else { size };
    let plan = match plan(shown, shape) {
        None if shape.is_animated || !is_animated(&mut source, format, budget)? => {
            return Ok(Outcome::Original(format));
        }
        None => Plan::identity(shown),
        Some(plan) => plan,
    };
    if shape.is_animated
        && is_animated(&mut source, format, budget)?
        && let Some(bytes) = animation(&mut source, format, plan, budget)?
    {
        return Ok(Outcome::Made(Format::Gif, bytes));
    }
    let plan = if lies_on_its_side { plan.transposed() } else { plan };
    still(&mut source, format, plan, orientation, budget)
}

/// The format, by the first bytes: what the uploader said may be wrong.
fn guess(source: &mut Source) -> Result<Format, Unfit> {
    match ImageReader::new(source).with_guessed_format()?.format() {
        Some(ImageFormat::Png) => Ok(Format::Png),
        Some(ImageFormat::Jpeg) => Ok(Format::Jpeg),
        Some(ImageFormat::Gif) => Ok(Format::Gif),
        Some(ImageFormat::WebP) => Ok(Format::Webp),
        _ => Err(Unfit::Unreadable),
    }
}

/// Reads the size and the orientation, and refuses what would take too much to decode.
fn inspect(source: &mut Source, format: Format, length: u64, budget: &Budget) -> Result<(Size, Orientation), Unfit> {
    // Some decoders read the whole file first.
    if length > budget.memory {
        return Err(Unfit::TooLarge);
    }
    let mut decoder = open(source, format, budget)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > budget.pixels
        || decoder.total_bytes().saturating_add(length) > budget.memory
    {
        return Err(Unfit::TooLarge);
    }
    if width == 0 || height == 0 {
        return Err(Unfit::Unreadable);
    }
    // A picture with broken metadata is still one.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok(((width, height), orientation))
}

fn open<'a>(source: &'a mut Source, format: Format, budget: &Budget) -> Result<Box<dyn ImageDecoder + 'a>, Unfit> {
    source.rewind()?;
    let limits = memory_limits(budget);
    let mut decoder: Box<dyn ImageDecoder + 'a> = match format {
        Format::Png => Box::new(PngDecoder::with_limits(source, limits.clone())?),
        Format::Jpeg => Box::new(JpegDecoder::new(source)?),
        Format::Gif => Box::new(GifDecoder::new(source)?),
        Format::Webp => Box::new(WebPDecoder::new(source)?),
    };
    decoder.set_limits(limits)?;
    Ok(decoder)
}

fn memory_limits(budget: &Budget) -> Limits {
    let mut memory = Limits::default();
    memory.max_alloc = Some(budget.memory);
    memory
}

fn swaps_sides(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    )
}

fn still(
    source: &mut Source,
    format: Format,
    plan: Plan,
    orientation: Orientation,
    budget: &Budget,
) -> Result<Outcome, Unfit> {
    let mut decoder = open(source, format, budget)?;
    let (profile_space, rgb) = PROFILE_SPACE;
    let profile = decoder.icc_profile().ok().flatten().filter(|profile| profile.get(profile_space) == Some(rgb));
    let mut picture = scale(&DynamicImage::from_decoder(decoder)?, plan);
    picture.apply_orientation(orientation);
    let is_opaque = !picture.color().has_alpha();
    match format {
        Format::Jpeg | Format::Webp if is_opaque => {
            let mut bytes = Vec::new();
            encode(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY), &picture, profile)?;
            Ok(Outcome::Made(Format::Jpeg, bytes))
        }
        _ => {
            let mut bytes = Vec::new();
            encode(PngEncoder::new(&mut bytes), &picture, profile)?;
            Ok(Outcome::Made(Format::Png, bytes))
        }
    }
}

fn encode(mut encoder: impl ImageEncoder, picture: &DynamicImage, profile: Option<Vec<u8>>) -> Result<(), Unfit> {
    if let Some(profile) = profile {
        // A profile that does not fit the format is left out: the colours are a little off then.
        let _ = encoder.set_icc_profile(profile);
    }
    let (width, height) = (picture.width(), picture.height());
    if picture.color().has_alpha() {
        encoder.write_image(&picture.to_rgba8(), width, height, ExtendedColorType::Rgba8)?;
    } else {
        encoder.write_image(&picture.to_rgb8(), width, height, ExtendedColorType::Rgb8)?;
    }
    Ok(())
}
