//! Makes thumbnails of pictures: decodes, scales, encodes. Blocks; trusts nothing in the file.

mod animation;
mod scaling;
mod source;

use std::{
    fs::File,
    io::{self, Cursor, Seek},
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
/// The memory for a pixel of a thumbnail: itself, at most with 16 bits per channel, and on its way
/// into the file.
const SCALED_BYTES: u64 = 16;
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

    /// The one that a picture's first bytes tell of.
    pub fn of(start: &[u8]) -> Option<Self> {
        Self::known(image::guess_format(start).ok())
    }

    /// The format, if it is one of these.
    fn known(format: Option<ImageFormat>) -> Option<Self> {
        match format? {
            ImageFormat::Png => Some(Self::Png),
            ImageFormat::Jpeg => Some(Self::Jpeg),
            ImageFormat::Gif => Some(Self::Gif),
            ImageFormat::WebP => Some(Self::Webp),
            _ => None,
        }
    }

    /// Its content type.
    pub fn content_type(self) -> String {
        format!("image/{}", self.name())
    }

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
    let header = Header::read(&mut source, length, budget)?;
    let plan = match plan(header.shown(), shape) {
        None if shape.is_animated || !is_animated(&mut source, header.format, budget)? => {
            return Ok(Outcome::Original(header.format));
        }
        None => Plan::identity(header.shown()),
        Some(plan) => plan,
    };
    if header.cost(&plan) > budget.memory {
        return Err(Unfit::TooLarge);
    }
    let plan = if header.is_sideways() { plan.transposed() } else { plan };
    if shape.is_animated
        && is_animated(&mut source, header.format, budget)?
        && let Some(bytes) = animation(&mut source, &header, plan, budget)?
    {
        return Ok(Outcome::Made(Format::Gif, bytes));
    }
    still(&mut source, &header, plan, budget)
}

/// What the header of a picture says; none if it is no picture.
pub fn measure(bytes: &[u8]) -> Option<(Format, Size)> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let format = Format::known(reader.format())?;
    Some((format, reader.into_dimensions().ok()?))
}

/// What is known of a picture before it is decoded.
struct Header {
    format: Format,
    /// Of the file, in bytes.
    length: u64,
    /// Of the picture once it is decoded, in bytes.
    decoded: u64,
    /// As it is stored.
    size: Size,
    orientation: Orientation,
}

impl Header {
    /// Reads the header, and refuses a picture that is too large to look at any further.
    fn read(source: &mut Source, length: u64, budget: &Budget) -> Result<Self, Unfit> {
        // Some decoders begin by reading the whole file.
        if length > budget.memory {
            return Err(Unfit::TooLarge);
        }
        let format = guess(source)?;
        let mut decoder = open(source, format, budget)?;
        let size = decoder.dimensions();
        if u64::from(size.0) * u64::from(size.1) > budget.pixels {
            return Err(Unfit::TooLarge);
        }
        // A picture with broken metadata is still one.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        Ok(Self { format, length, decoded: decoder.total_bytes(), size, orientation })
    }

    fn is_sideways(&self) -> bool {
        use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
        matches!(self.orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
    }

    /// The size in which people see it.
    fn shown(&self) -> Size {
        if self.is_sideways() { (self.size.1, self.size.0) } else { self.size }
    }

    /// The memory that it takes to follow `plan`, in bytes.
    fn cost(&self, plan: &Plan) -> u64 {
        let decoding = match self.format {
            Format::Png | Format::Gif => self.decoded,
            // The coefficients of a progressive picture, or the transforms of a lossless one, take
            // up to twice as much again.
            Format::Jpeg | Format::Webp => self.decoded.saturating_mul(3),
        };
        let (width, height) = plan.scaled;
        decoding.saturating_add(self.length).saturating_add(u64::from(width) * u64::from(height) * SCALED_BYTES)
    }
}

/// The format, by the first bytes: what the uploader said may be wrong.
fn guess(source: &mut Source) -> Result<Format, Unfit> {
    Format::known(ImageReader::new(source).with_guessed_format()?.format()).ok_or(Unfit::Unreadable)
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

fn still(source: &mut Source, header: &Header, plan: Plan, budget: &Budget) -> Result<Outcome, Unfit> {
    let mut decoder = open(source, header.format, budget)?;
    let (profile_space, rgb) = PROFILE_SPACE;
    let profile = decoder.icc_profile().ok().flatten().filter(|profile| profile.get(profile_space) == Some(rgb));
    let mut picture = scale(DynamicImage::from_decoder(decoder)?, plan);
    picture.apply_orientation(header.orientation);
    let is_opaque = !picture.color().has_alpha();
    let mut bytes = Vec::new();
    let format = match header.format {
        Format::Jpeg | Format::Webp if is_opaque => Format::Jpeg,
        _ => Format::Png,
    };
    if format == Format::Jpeg {
        encode(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY), picture, profile)?;
    } else {
        encode(PngEncoder::new(&mut bytes), picture, profile)?;
    }
    Ok(Outcome::Made(format, bytes))
}

fn encode(mut encoder: impl ImageEncoder, picture: DynamicImage, profile: Option<Vec<u8>>) -> Result<(), Unfit> {
    if let Some(profile) = profile {
        // A profile that does not fit the format is left out: the colours are a little off then.
        let _ = encoder.set_icc_profile(profile);
    }
    let (width, height) = (picture.width(), picture.height());
    if picture.color().has_alpha() {
        encoder.write_image(&picture.into_rgba8(), width, height, ExtendedColorType::Rgba8)?;
    } else {
        encoder.write_image(&picture.into_rgb8(), width, height, ExtendedColorType::Rgb8)?;
    }
    Ok(())
}
