//! Scales pictures.

use image::{DynamicImage, imageops::FilterType};

use crate::media::geometry::{Plan, Size};

/// What the smooth filter may work on at once: source columns times thumbnail rows. It needs 16
/// bytes for each.
const SMOOTH_PIXELS: u64 = 4 << 20;

/// Scales `picture` and keeps its middle.
pub(super) fn scale(picture: DynamicImage, plan: Plan) -> DynamicImage {
    let scaled = resize(picture, plan.scaled);
    if plan.kept == plan.scaled { scaled } else { middle(&scaled, plan.kept) }
}

fn resize(picture: DynamicImage, (width, height): Size) -> DynamicImage {
    if (picture.width(), picture.height()) == (width, height) {
        picture
    } else if u64::from(picture.width()) * u64::from(height) > SMOOTH_PIXELS {
        // Coarser, but it needs no memory for fractions.
        picture.thumbnail_exact(width, height)
    } else {
        picture.resize_exact(width, height, FilterType::CatmullRom)
    }
}

fn middle(picture: &DynamicImage, (width, height): Size) -> DynamicImage {
    picture.crop_imm((picture.width() - width) / 2, (picture.height() - height) / 2, width, height)
}
