//! Which part of a file a client asks for. RFC 9110, section 14.

#[cfg(test)]
mod tests;

/// What to send of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// All of it.
    Whole,
    /// From the byte `first` to the byte `last`, both included.
    Part {
        /// Counted from zero.
        first: u64,
        /// Less than the size of the file.
        last: u64,
    },
    /// Nothing: the file has no such part.
    Unsatisfiable,
}

/// Reads a `Range` header for a file of `size` bytes. What is malformed, has another unit or asks
/// for several parts at once is answered with the whole file, as section 14.2 allows.
pub fn parse(header: &str, size: u64) -> Range {
    let Some((unit, range)) = header.split_once('=') else { return Range::Whole };
    let Some((first, last)) = range.trim().split_once('-') else { return Range::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || range.contains(',') {
        return Range::Whole;
    }
    match (number(first), number(last)) {
        (Some(first), _) if first >= size && (last.is_empty() || number(last).is_some()) => Range::Unsatisfiable,
        (Some(first), None) if last.is_empty() => Range::Part { first, last: size - 1 },
        (Some(first), Some(last)) if first <= last => Range::Part { first, last: last.min(size - 1) },
        (None, Some(0)) if first.is_empty() => Range::Unsatisfiable,
        (None, Some(_)) if first.is_empty() && size == 0 => Range::Unsatisfiable,
        (None, Some(count)) if first.is_empty() => Range::Part { first: size.saturating_sub(count), last: size - 1 },
        _ => Range::Whole,
    }
}

fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // A number beyond all sizes is still a number.
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}
