//! Tests of what is shown inline, and of how file names are written.

use super::disposition;

fn header(content_type: &str, file_name: Option<&str>) -> String {
    disposition(content_type, file_name).to_string()
}

#[test]
fn types_that_run_nothing_are_shown_inline() {
    for content_type in ["image/png", "text/plain", "application/json", "audio/x-flac", "video/mp4"] {
        assert_eq!(header(content_type, None), "inline", "{content_type}");
    }
}

#[test]
fn types_that_can_run_something_are_attachments() {
    for content_type in
        ["text/html", "image/svg+xml", "application/xhtml+xml", "application/pdf", "text/xml", "", "a b"]
    {
        assert_eq!(header(content_type, None), "attachment", "{content_type}");
    }
}

#[test]
fn parameters_and_case_do_not_change_a_type() {
    assert_eq!(header("Text/Plain; charset=utf-8", None), "inline");
    assert_eq!(header("text/plain;html", None), "inline");
    assert_eq!(header("TEXT/HTML; image/png", None), "attachment");
}

#[test]
fn a_type_is_compared_as_a_whole() {
    assert_eq!(header("image/pngx", None), "attachment");
    assert_eq!(header("ximage/png", None), "attachment");
    assert_eq!(header("text/html,image/png", None), "attachment");
}

#[test]
fn a_plain_name_stands_as_it_is() {
    assert_eq!(header("image/png", Some("photo.png")), "inline; filename=photo.png");
}

#[test]
fn names_with_separators_are_quoted() {
    assert_eq!(header("image/png", Some("name with spaces")), r#"inline; filename="name with spaces""#);
    assert_eq!(header("image/png", Some("name;with;semicolons")), r#"inline; filename="name;with;semicolons""#);
}

#[test]
fn quotes_and_backslashes_are_escaped() {
    assert_eq!(header("image/png", Some(r#"a"b\c.png"#)), r#"inline; filename="a\"b\\c.png""#);
}

#[test]
fn names_beyond_ascii_are_encoded_as_utf8() {
    assert_eq!(header("image/png", Some("\u{1f414}")), "inline; filename*=utf-8''%F0%9F%90%94");
    assert_eq!(header("image/png", Some("Ä \"b\".png")), "inline; filename*=utf-8''%C3%84%20%22b%22.png");
}

#[test]
fn line_breaks_cannot_begin_another_header() {
    assert_eq!(header("text/html", Some("a\r\nX-Evil: 1")), r#"attachment; filename="aX-Evil: 1""#);
    assert_eq!(header("text/html", Some("ä\r\nX: 1")), "attachment; filename*=utf-8''%C3%A4X%3A%201");
}

#[test]
fn a_name_of_which_nothing_is_left_is_left_out() {
    assert_eq!(header("image/png", Some("\n\u{7}")), "inline");
    assert_eq!(header("image/png", Some("")), "inline");
}
