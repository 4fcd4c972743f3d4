//! Tests of the sizes of thumbnails.

use super::{Method, Plan, Shape, Size, plan};

fn crop(picture: Size, size: Size) -> Option<Plan> {
    plan(picture, &Shape { method: Method::Crop, size, is_animated: false })
}

fn scale(picture: Size, size: Size) -> Option<Size> {
    let plan = plan(picture, &Shape { method: Method::Scale, size, is_animated: false })?;
    assert_eq!(plan.scaled, plan.kept, "scaling cuts nothing off");
    Some(plan.kept)
}

#[test]
fn a_scaled_picture_keeps_its_aspect_ratio() {
    assert_eq!(scale((4000, 3000), (800, 600)), Some((800, 600)));
    assert_eq!(scale((4000, 2000), (800, 600)), Some((1200, 600)));
    assert_eq!(scale((2000, 4000), (800, 600)), Some((800, 1600)));
}

#[test]
fn no_side_of_a_scaled_picture_is_smaller_than_asked_for() {
    for picture in [(4000, 3000), (1999, 3001), (10_000, 700), (801, 601)] {
        for size in [(320, 240), (33, 17), (800, 600), (1, 1)] {
            let (width, height) = scale(picture, size).expect("the picture is larger");
            assert!(width >= size.0 && height >= size.1, "{picture:?} {size:?}");
            assert!(width <= picture.0 && height <= picture.1, "{picture:?} {size:?}");
        }
    }
}

#[test]
fn what_would_have_to_grow_stays_as_it_is() {
    assert_eq!(scale((100, 100), (320, 240)), None);
    assert_eq!(scale((320, 240), (320, 240)), None);
    assert_eq!(scale((10_000, 100), (320, 240)), None);
    assert_eq!(crop((32, 32), (96, 96)), None);
    assert_eq!(crop((96, 96), (96, 96)), None);
}

#[test]
fn a_cropped_picture_has_the_size_asked_for() {
    let expected = Plan { scaled: (128, 96), kept: (96, 96) };
    assert_eq!(crop((4000, 3000), (96, 96)), Some(expected));
    assert_eq!(crop((3000, 4000), (96, 96)), Some(expected.transposed()));
    assert_eq!(crop((100, 50), (100, 25)), Some(Plan { scaled: (100, 50), kept: (100, 25) }));
}

#[test]
fn a_picture_too_flat_for_the_size_is_cropped_to_its_aspect_ratio() {
    assert_eq!(crop((1000, 50), (96, 96)), Some(Plan { scaled: (1000, 50), kept: (50, 50) }));
    assert_eq!(crop((50, 1000), (96, 48)), Some(Plan { scaled: (50, 1000), kept: (50, 25) }));
    assert_eq!(crop((2, 1000), (4000, 1)), Some(Plan { scaled: (2, 1000), kept: (2, 1) }));
}

#[test]
fn extreme_sizes_do_not_overflow() {
    assert_eq!(scale((u32::MAX, u32::MAX), (1, 1)), Some((1, 1)));
    assert_eq!(crop((1, 1), (u32::MAX, u32::MAX)), None);
    assert_eq!(crop((u32::MAX, 2), (1, u32::MAX)).map(|plan| plan.kept), Some((1, 2)));
}
