//! Downloads: names, headers, parts, and what is not there.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestDownload, TestServer};
use reqwest::{Method, StatusCode};

#[tokio::test(flavor = "multi_thread")]
async fn unknown_media_are_not_found() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    for uri in [
        "mxc://test.local/unknown",
        "mxc://elsewhere.test/unknown",
        "mxc://test.local/a%20b",
        "mxc://test.local/%2e%2e%2fx",
    ] {
        for refusal in [alice.download(uri).await, alice.thumbnail(uri, "width=32&height=32").await] {
            let refusal = refusal.expect_err("it is unknown");
            refusal.assert_is(&ErrorKind::NotFound);
            assert_eq!(refusal.status, StatusCode::NOT_FOUND, "{uri}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_name_that_cannot_be_is_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let refusal = alice.download("mxc://a%2Fb/unknown").await.expect_err("it is no name");

    refusal.assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_get_nothing() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload("a", "text/plain", None).await.expect("it is stored");
    let stranger = alice.with_session("NONE", "");

    for refusal in [stranger.download(&uri).await, stranger.thumbnail(&uri, "width=1&height=1").await] {
        let refusal = refusal.expect_err("a token is needed");
        refusal.assert_is(&ErrorKind::MissingToken);
        assert_eq!(refusal.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_scripts_is_an_attachment() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    for content_type in ["text/html", "image/svg+xml", "application/javascript", "Text/HTML; charset=utf-8"] {
        let uri = alice.upload("<script>", content_type, Some("a.html")).await.expect("it is stored");
        let file = alice.download(&uri).await.expect("it is found");
        assert_eq!(file.header("content-disposition"), "attachment; filename=a.html", "{content_type}");
        assert_eq!(file.header("content-type"), content_type);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_can_do_nothing_in_the_name_of_the_server() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let uri = alice.upload("a", "image/png", None).await.expect("it is stored");
    let file = alice.download(&uri).await.expect("it is found");

    assert_eq!(
        file.header("content-security-policy"),
        "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; \
         object-src 'self';"
    );
    assert_eq!(file.header("cross-origin-resource-policy"), "cross-origin");
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    assert_eq!(file.header("access-control-allow-origin"), "*");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_name_comes_back() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    for (name, header) in [
        ("ascii", "inline; filename=ascii"),
        ("name with spaces", r#"inline; filename="name with spaces""#),
        ("name;with;semicolons", r#"inline; filename="name;with;semicolons""#),
        ("\u{1f414}", "inline; filename*=utf-8''%F0%9F%90%94"),
        (r#"a "quoted" name"#, r#"inline; filename="a \"quoted\" name""#),
        ("line\r\nSet-Cookie: a=b", r#"inline; filename="lineSet-Cookie: a=b""#),
        ("100%25/50+50?&#", r#"inline; filename="100%25/50+50?&#""#),
    ] {
        let uri = alice.upload("a", "image/png", Some(name)).await.expect("it is stored");
        let file = alice.download(&uri).await.expect("it is found");
        assert_eq!(file.header("content-disposition"), header);
        assert_eq!(file.header("set-cookie"), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_may_be_named_by_who_asks() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload("a", "image/png", Some("theirs.png")).await.expect("it is stored");

    for (encoded, header) in [
        ("file.png", "inline; filename=file.png"),
        ("%E2%98%95", "inline; filename*=utf-8''%E2%98%95"),
        ("a%2Fb%25c%2B+d%22%0D%0Ae", r#"inline; filename="a/b%c++d\"e""#),
    ] {
        let file = alice.download(&format!("{uri}/{encoded}")).await.expect("it is found");
        assert_eq!(file.header("content-disposition"), header, "{encoded}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_tells_the_size() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload("a file", "text/plain", None).await.expect("it is stored");
    let path = format!("/_matrix/client/v1/media/download/{}", &uri["mxc://".len()..]);

    let answer = TestDownload::receive(alice.call(Method::HEAD, &path)).await.expect("it is found");

    assert_eq!(answer.header("content-length"), "6");
    assert_eq!(answer.header("content-type"), "text/plain");
    assert!(answer.body.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_can_be_downloaded() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload("0123456789", "text/plain", None).await.expect("it is stored");
    let path = format!("/_matrix/client/v1/media/download/{}", &uri["mxc://".len()..]);

    for (range, content_range, body) in
        [("bytes=2-4", "bytes 2-4/10", "234"), ("bytes=7-", "bytes 7-9/10", "789"), ("bytes=-2", "bytes 8-9/10", "89")]
    {
        let request = alice.call(Method::GET, &path).header("Range", range);
        let part = TestDownload::receive(request).await.expect("it is found");
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(part.header("content-range"), content_range, "{range}");
        assert_eq!(part.body, body, "{range}");
    }
    let beyond = TestDownload::receive(alice.call(Method::GET, &path).header("Range", "bytes=10-")).await;
    let several = TestDownload::receive(alice.call(Method::GET, &path).header("Range", "bytes=0-1,3-4")).await;

    assert_eq!(beyond.expect_err("there is no such part").status, StatusCode::RANGE_NOT_SATISFIABLE);
    let several = several.expect("it is found");
    assert_eq!((several.status, &*several.body), (StatusCode::OK, b"0123456789".as_slice()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_has_is_not_sent_again() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload("0123456789", "text/plain", None).await.expect("it is stored");
    let path = format!("/_matrix/client/v1/media/download/{}", &uri["mxc://".len()..]);
    let tag = alice.fetch(&path).await.expect("it is found").header("etag").to_owned();

    let known = alice.call(Method::GET, &path).header("If-None-Match", format!("\"other\", {tag}"));
    let other = alice.call(Method::GET, &path).header("If-None-Match", "\"other\"");
    let stale = alice.call(Method::GET, &path).header("If-Range", "\"other\"").header("Range", "bytes=0-1");
    let fresh = alice.call(Method::GET, &path).header("If-Range", &tag).header("Range", "bytes=0-1");
    let [known, other, stale, fresh] =
        [known, other, stale, fresh].map(|request| tokio::spawn(TestDownload::receive(request)));

    let known = known.await.expect("no panic").expect("it is known");
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(other.await.expect("no panic").expect("it is found").body, "0123456789");
    assert_eq!(stale.await.expect("no panic").expect("it is found").body, "0123456789");
    assert_eq!(fresh.await.expect("no panic").expect("it is found").body, "01");
}
