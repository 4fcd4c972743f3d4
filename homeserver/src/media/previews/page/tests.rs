//! What is found on pages.

use super::*;

fn described(page: &str) -> Vec<(String, String)> {
    describe(page).into_iter().collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn properties_are_found_however_they_are_written() {
    let page = r#"<!doctype html><HTML><head>
        <meta property="og:title" content="The &quot;Rock&quot; &amp; more"/>
        <META content='video.movie' property='og:type'>
        <meta name=og:url content=http://example.org/a?b=c&amp;d>
        <meta property="og:image"
              content="a.png" /><meta property="og:description" content="one
              two&#x20;&#51;">"#;

    let expected = [
        ("og:description", "one two 3"),
        ("og:image", "a.png"),
        ("og:title", "The \"Rock\" & more"),
        ("og:type", "video.movie"),
        ("og:url", "http://example.org/a?b=c&d"),
    ];
    assert_eq!(described(page), pairs(&expected));
}

#[test]
fn a_page_that_says_nothing_for_previews_has_its_title_and_description() {
    let page = r#"<title lang="en">Home
        page</title><meta name="Description" content="About it">"#;

    assert_eq!(described(page), pairs(&[("og:description", "About it"), ("og:title", "Home page")]));
}

#[test]
fn the_first_of_several_values_counts() {
    let page =
        r#"<meta property="og:title" content="one"><meta property="og:title" content="two"><title>three</title>"#;

    assert_eq!(described(page), pairs(&[("og:title", "one")]));
}

#[test]
fn comments_and_scripts_say_nothing() {
    let page = r#"<!-- <meta property="og:title" content="no"> --><script>"<meta property='og:type' content='no'>"</SCRIPT>
        <style></style><title>yes</title>"#;

    assert_eq!(described(page), pairs(&[("og:title", "yes")]));
}

#[test]
fn what_is_cut_off_or_broken_is_taken_as_far_as_it_goes() {
    for page in [
        "",
        "<",
        "<!--",
        "<meta",
        "<meta content",
        "<meta content=\"",
        "<title",
        "<title>&",
        "a < b > c",
        "<=>",
        "<meta =\">",
    ] {
        let _ = described(page);
    }
    assert_eq!(described("<title>&unknown; &#0; &#xD800; é"), pairs(&[("og:title", "&unknown; &#0; &#xD800; é")]));
    assert_eq!(described("<meta ü=1 property=og:title content=\"ä"), pairs(&[("og:title", "ä")]));
}

#[test]
fn long_values_are_cut() {
    let page = format!("<title>{}</title>", "é".repeat(2 * LONGEST));

    assert_eq!(describe(&page)["og:title"].chars().count(), LONGEST + 1);
}

#[test]
fn the_encoding_is_that_of_the_header_or_of_the_page() {
    let latin = b"<meta charset='iso-8859-1'><title>caf\xe9</title>";

    assert_eq!(decode(b"caf\xe9", "text/html; charset=\"ISO-8859-1\""), "café");
    assert!(decode(latin, "text/html").contains("café"));
    assert_eq!(decode("café".as_bytes(), "text/html"), "café");
    assert_eq!(decode(b"caf\xe9", "text/html; charset=none-such"), "caf\u{fffd}");
}
