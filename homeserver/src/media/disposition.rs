//! Decides whether a client may show a download in its own window.

use ruma::http_headers::{ContentDisposition, ContentDispositionType};

#[cfg(test)]
mod tests;

/// The types that browsers show without running anything in them. Client-server API, "Serving
/// inline content".
const SHOWN_INLINE: [&str; 26] = [
    "text/css",
    "text/plain",
    "text/csv",
    "application/json",
    "application/ld+json",
    "image/jpeg",
    "image/gif",
    "image/png",
    "image/apng",
    "image/webp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "video/ogg",
    "video/quicktime",
    "audio/mp4",
    "audio/webm",
    "audio/aac",
    "audio/mpeg",
    "audio/ogg",
    "audio/wave",
    "audio/wav",
    "audio/x-wav",
    "audio/x-pn-wav",
    "audio/flac",
    "audio/x-flac",
];

/// How content of the type `content_type` is to be presented, under the name `file_name`.
pub fn disposition(content_type: &str, file_name: Option<&str>) -> ContentDisposition {
    let kind =
        if is_shown_inline(content_type) { ContentDispositionType::Inline } else { ContentDispositionType::Attachment };
    // Nothing that could end the header or upset a file system; the rest is escaped when written.
    let file_name = file_name.map(|name| name.chars().filter(|c| !c.is_control()).collect::<String>());
    ContentDisposition::new(kind).with_filename(file_name.filter(|name| !name.is_empty()))
}

fn is_shown_inline(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    SHOWN_INLINE.iter().any(|shown| shown.eq_ignore_ascii_case(essence))
}
