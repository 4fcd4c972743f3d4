//! Sends files, in pieces, as they are read from disk.

use std::{io::SeekFrom, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::SizedStream,
    http::{Method, StatusCode, header},
};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use ruma::api::IncomingRequest;
use tokio::{
    fs::File,
    io::{self, AsyncReadExt, AsyncSeekExt},
    sync::mpsc,
};

use super::{
    authenticate::Authenticate,
    endpoint::{self, Route, Ruma},
    error,
    ranges::{self, Range},
    work::Workplace,
};
use crate::{App, Result, media::Download};

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;
/// Pieces that are read ahead of the client.
const READ_AHEAD: usize = 4;
/// Nothing in a file may act in the name of this server. Client-server API, "Content repository".
const POLICY: &str = "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; \
                      style-src 'unsafe-inline'; object-src 'self';";
/// Contents never change, but they may be withdrawn: caches ask again after a day.
const CACHING: &str = "private, max-age=86400, immutable";

/// Binds `handler`, which finds a file, to every path of the Matrix endpoint `T`.
pub fn download<T, H, F>(handler: H) -> Route
where
    T: IncomingRequest + Send + 'static,
    T::Authentication: Authenticate,
    H: Fn(App, Ruma<T>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Download>> + Send,
{
    let paths = endpoint::paths::<T>();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    endpoint::streaming(
        T::METHOD,
        &paths,
        Arc::new(move |workplace, request, _| {
            Box::pin(async move {
                let answer = serve::<T, _, _>(&workplace, &request, handler).await;
                answer.unwrap_or_else(|refusal| error::answer(&refusal))
            })
        }),
    )
}

async fn serve<T, H, F>(workplace: &Workplace, request: &HttpRequest, handler: H) -> Result<HttpResponse>
where
    T: IncomingRequest + Send + 'static,
    T::Authentication: Authenticate,
    H: Fn(App, Ruma<T>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Download>> + Send,
{
    let incoming = endpoint::without_body(&workplace.app, request)?;
    let app = workplace.app.clone();
    let found = workplace.start(true, async move {
        let request = endpoint::admit::<T>(endpoint::gate::<T>(), &app, incoming).await?;
        handler(app, request).await
    });
    Ok(answer(&workplace.app, request, found.outcome().await?))
}

fn answer(app: &App, request: &HttpRequest, found: Download) -> HttpResponse {
    let tag = format!("\"{}\"", found.tag);
    if is_known(request, &tag) {
        return with_common_headers(HttpResponse::NotModified(), &found, &tag).finish();
    }
    match range(request, &found, &tag) {
        Range::Whole => {
            let answer = with_common_headers(HttpResponse::Ok(), &found, &tag);
            let size = found.size;
            send(app, request, answer, found, 0, size)
        }
        Range::Part { first, last } => {
            let mut answer = with_common_headers(HttpResponse::PartialContent(), &found, &tag);
            answer.insert_header((header::CONTENT_RANGE, format!("bytes {first}-{last}/{}", found.size)));
            send(app, request, answer, found, first, last - first + 1)
        }
        Range::Unsatisfiable => HttpResponseBuilder::new(StatusCode::RANGE_NOT_SATISFIABLE)
            .insert_header((header::CONTENT_RANGE, format!("bytes */{}", found.size)))
            .finish(),
    }
}

/// Whether the client has these very bytes. RFC 9110, section 13.1.2.
fn is_known(request: &HttpRequest, tag: &str) -> bool {
    let Some(known) = text(request, header::IF_NONE_MATCH) else { return false };
    known.trim() == "*" || known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)
}

fn range(request: &HttpRequest, found: &Download, tag: &str) -> Range {
    match (text(request, header::RANGE), text(request, header::IF_RANGE)) {
        (Some(range), None) => ranges::parse(range, found.size),
        (Some(range), Some(known)) if known.trim() == tag => ranges::parse(range, found.size),
        _ => Range::Whole,
    }
}

fn text(request: &HttpRequest, name: header::HeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}

fn with_common_headers(mut answer: HttpResponseBuilder, found: &Download, tag: &str) -> HttpResponseBuilder {
    answer
        .insert_header((header::CONTENT_TYPE, found.content_type.as_str()))
        .insert_header((header::CONTENT_DISPOSITION, found.disposition.to_string()))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, CACHING))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::ETAG, tag));
    answer
}

/// Sends `length` bytes from `first` on. The file is read on the shared runtime, never further
/// ahead of the client than a few pieces.
fn send(
    app: &App,
    request: &HttpRequest,
    mut answer: HttpResponseBuilder,
    found: Download,
    first: u64,
    length: u64,
) -> HttpResponse {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    if request.method() != Method::HEAD {
        app.runtime.spawn(async move {
            if let Err(fault) = read(File::from_std(found.file), first, length, &sender).await {
                // The client sees an answer that is cut off. If it has left, nobody sees it.
                let _ = sender.send(Err(fault)).await;
            }
        });
    }
    let pieces = stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) });
    answer.body(SizedStream::new(length, pieces))
}

async fn read(mut file: File, first: u64, length: u64, to: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    file.seek(SeekFrom::Start(first)).await?;
    file.set_max_buf_size(PIECE);
    let mut file = file.take(length);
    let mut left = length;
    while left > 0 {
        let mut piece = BytesMut::with_capacity(PIECE);
        let count = file.read_buf(&mut piece).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= count as u64;
        if to.send(Ok(piece.freeze())).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}
