//! Makes moving thumbnails of moving pictures.

use std::{io::Seek, time::Instant};

use image::{
    AnimationDecoder, Frame, Frames, ImageDecoder,
    codecs::{
        gif::{GifDecoder, GifEncoder, Repeat},
        png::PngDecoder,
        webp::WebPDecoder,
    },
};

use super::{Budget, Format, Header, Unfit, memory_limits, scaling::scale, source::Source};
use crate::media::geometry::Plan;

/// How many pictures of the largest size the frames of an animation may amount to.
const FACTOR: u64 = 4;
/// How carefully the colours are chosen: 1 is best, 30 fastest.
const SPEED: i32 = 15;

/// Whether the picture moves.
pub(super) fn is_animated(source: &mut Source, format: Format, budget: &Budget) -> Result<bool, Unfit> {
    source.rewind()?;
    Ok(match format {
        Format::Jpeg => false,
        Format::Png => PngDecoder::with_limits(source, memory_limits(budget))?.is_apng()?,
        Format::Webp => WebPDecoder::new(source)?.has_animation(),
        Format::Gif => frames(source, format, budget)?.take(2).filter(Result::is_ok).count() == 2,
    })
}

fn frames<'a>(source: &'a mut Source, format: Format, budget: &Budget) -> Result<Frames<'a>, Unfit> {
    source.rewind()?;
    Ok(match format {
        Format::Jpeg => return Err(Unfit::Unreadable),
        Format::Png => PngDecoder::with_limits(source, memory_limits(budget))?.apng()?.into_frames(),
        Format::Webp => WebPDecoder::new(source)?.into_frames(),
        Format::Gif => {
            let mut decoder = GifDecoder::new(source)?;
            decoder.set_limits(memory_limits(budget))?;
            decoder.into_frames()
        }
    })
}

/// Scales all frames of an animation; `None` if that would cost too much.
pub(super) fn animation(
    source: &mut Source,
    header: &Header,
    plan: Plan,
    budget: &Budget,
) -> Result<Option<Vec<u8>>, Unfit> {
    let deadline = Instant::now() + budget.time / 2;
    let mut pixels = budget.pixels.saturating_mul(FACTOR);
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, SPEED);
    encoder.set_repeat(Repeat::Infinite)?;
    // A file that is cut off is shown up to there.
    for frame in frames(source, header.format, budget)?.map_while(Result::ok) {
        let (width, height) = frame.buffer().dimensions();
        let Some(left) = pixels.checked_sub(u64::from(width) * u64::from(height)) else { return Ok(None) };
        if Instant::now() > deadline {
            return Ok(None);
        }
        pixels = left;
        let delay = frame.delay();
        let mut scaled = scale(frame.into_buffer().into(), plan);
        scaled.apply_orientation(header.orientation);
        encoder.encode_frame(Frame::from_parts(scaled.into_rgba8(), 0, 0, delay))?;
    }
    drop(encoder);
    Ok((!bytes.is_empty()).then_some(bytes))
}
