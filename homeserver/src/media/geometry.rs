//! The sizes of thumbnails. Client-server API, "Thumbnails": never larger than the picture, and
//! never smaller than asked for unless the picture is.

use std::fmt;

#[cfg(test)]
mod tests;

/// A width and a height, in pixels.
pub type Size = (u32, u32);

/// How a picture is made to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// To the aspect ratio asked for; what sticks out is cut off.
    Crop,
    /// Keeping its own aspect ratio.
    Scale,
}

/// The thumbnail that a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// How it is made to fit.
    pub method: Method,
    /// The smallest size that will do; neither side is zero.
    pub size: Size,
    /// Whether it should move, if the picture does.
    pub is_animated: bool,
}

/// As in the name of a file: `96x96-crop`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = self.size;
        let method = match self.method {
            Method::Crop => "crop",
            Method::Scale => "scale",
        };
        write!(f, "{width}x{height}-{method}{}", if self.is_animated { "-animated" } else { "" })
    }
}

/// What is done to a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The size it is scaled to first.
    pub scaled: Size,
    /// The size of the middle that is kept then.
    pub kept: Size,
}

impl Plan {
    /// Leaves a picture of this size as it is.
    pub fn identity(size: Size) -> Self {
        Self { scaled: size, kept: size }
    }

    /// The same for a picture that lies on its side.
    #[must_use]
    pub fn transposed(self) -> Self {
        let swap = |(width, height): Size| (height, width);
        Self { scaled: swap(self.scaled), kept: swap(self.kept) }
    }
}

/// What to do to a picture of the size `picture` to get `shape`; `None` if the original is all that
/// can be given.
pub fn plan(picture: Size, shape: &Shape) -> Option<Plan> {
    let (width, height) = shape.size;
    match shape.method {
        _ if width >= picture.0 && height >= picture.1 => None,
        Method::Scale if width >= picture.0 || height >= picture.1 => None,
        Method::Scale => {
            let scaled = cover(picture, shape.size);
            Some(Plan { scaled, kept: scaled })
        }
        Method::Crop if width <= picture.0 && height <= picture.1 => {
            Some(Plan { scaled: cover(picture, shape.size), kept: shape.size })
        }
        Method::Crop => Some(Plan { scaled: picture, kept: inside(picture, shape.size) }),
    }
}

/// The smallest size with the aspect ratio of `picture` that is not smaller than `least`.
fn cover(picture: Size, least: Size) -> Size {
    if is_wider(picture, least) {
        (ratio(picture.0, least.1, picture.1).max(least.0), least.1)
    } else {
        (least.0, ratio(picture.1, least.0, picture.0).max(least.1))
    }
}

/// The largest size with the aspect ratio of `shape` that lies in `picture`.
fn inside(picture: Size, shape: Size) -> Size {
    if is_wider(picture, shape) {
        (ratio(shape.0, picture.1, shape.1).clamp(1, picture.0), picture.1)
    } else {
        (picture.0, ratio(shape.1, picture.0, shape.0).clamp(1, picture.1))
    }
}

fn is_wider(this: Size, that: Size) -> bool {
    u64::from(this.0) * u64::from(that.1) > u64::from(that.0) * u64::from(this.1)
}

/// `a * b / c`, rounded.
fn ratio(a: u32, b: u32, c: u32) -> u32 {
    let c = u64::from(c);
    u32::try_from((u64::from(a) * u64::from(b) + c / 2) / c).unwrap_or(u32::MAX)
}
