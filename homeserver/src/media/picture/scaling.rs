//! Scales pictures.

use image::{DynamicImage, imageops::FilterType};

use crate::media::geometry::{Plan, Size};

/// What the smooth filter may work on at once: source columns times thumbnail rows. It needs 16
/// bytes for each.
const SMOOTH_PIXELS: u64 = 4 << 20;

/// Scales `picture` and keeps its middle. What shrinks a lot is first averaged to twice the size,
/// which is much faster and looks the same.
pub(super) fn scale(picture: &DynamicImage, plan: Plan) -> DynamicImage {
    let (width, height) = plan.scaled;
    if size(picture) == plan.scaled {
        return middle(picture, plan.kept);
    }
    let scaled = if picture.width() / 3 >= width && picture.height() / 3 >= height {
        resize(&picture.thumbnail_exact(2 * width, 2 * height), plan.scaled)
    } else {
        resize(picture, plan.scaled)
    };
    if plan.kept == plan.scaled { scaled } else { middle(&scaled, plan.kept) }
}

fn resize(picture: &DynamicImage, (width, height): Size) -> DynamicImage {
    if u64::from(picture.width()) * u64::from(height) > SMOOTH_PIXELS {
        picture.thumbnail_exact(width, height)
    } else {
        picture.resize_exact(width, height, FilterType::CatmullRom)
    }
}

fn middle(picture: &DynamicImage, (width, height): Size) -> DynamicImage {
    picture.crop_imm((picture.width() - width) / 2, (picture.height() - height) / 2, width, height)
}

fn size(picture: &DynamicImage) -> Size {
    (picture.width(), picture.height())
}
