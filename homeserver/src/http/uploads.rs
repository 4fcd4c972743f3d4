//! Takes files in, in pieces, as they come.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use ruma::api::{EmptyBody, IncomingRequest, OutgoingResponse, OutgoingResponseExt, error::IntoHttpError};
use tokio::sync::mpsc;

use super::{
    authenticate::Authenticate,
    endpoint::{self, Route, Ruma},
    error, exchange,
    work::Workplace,
};
use crate::{App, Error, Result, media::intake::Body};

/// Pieces that are taken from the client before they are written.
const READ_AHEAD: usize = 4;

/// A piece of a body. The end is a piece of its own, because a client that hangs up just stops.
pub(super) enum Piece {
    Bytes(Bytes),
    End,
}

/// An answer that says only that all is well.
#[derive(Debug)]
pub struct Done;

impl OutgoingResponse for Done {
    type Body = EmptyBody<false>;

    fn try_into_http_response_inner(self) -> Result<http::Response<EmptyBody<false>>, IntoHttpError> {
        Ok(http::Response::new(EmptyBody))
    }
}

/// Binds `handler`, which takes a file, to every path of the Matrix endpoint `T`. The caller is
/// authenticated before anything of the file is read.
pub fn upload<T, H, F, R>(handler: H) -> Route
where
    T: IncomingRequest + Send + 'static,
    T::Authentication: Authenticate,
    H: Fn(App, Ruma<T>, Body) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<R>> + Send,
    R: OutgoingResponse + Send + 'static,
{
    let paths = endpoint::paths::<T>();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    endpoint::streaming(
        T::METHOD,
        &paths,
        Arc::new(move |workplace, request, payload| {
            Box::pin(async move {
                let answer = serve::<T, _, _, _>(&workplace, &request, payload, handler).await;
                answer.unwrap_or_else(|refusal| error::answer(&refusal))
            })
        }),
    )
}

async fn serve<T, H, F, R>(
    workplace: &Workplace,
    request: &HttpRequest,
    payload: web::Payload,
    handler: H,
) -> Result<HttpResponse>
where
    T: IncomingRequest + Send + 'static,
    T::Authentication: Authenticate,
    H: Fn(App, Ruma<T>, Body) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<R>> + Send,
    R: OutgoingResponse + Send + 'static,
{
    let incoming = endpoint::without_body(&workplace.app, request)?;
    let app = workplace.app.clone();
    let admitted =
        workplace.start(true, async move { endpoint::admit::<T>(endpoint::gate::<T>(), &app, incoming).await });
    let admitted = admitted.outcome().await?;
    let (sender, pieces) = passage();
    let body = Body { declared: declared(request), pieces: Box::pin(pieces) };
    let app = workplace.app.clone();
    let work = workplace.start(false, async move { handler(app, admitted, body).await });
    feed(payload, sender).await;
    let response = work.outcome().await?;
    let response = response
        .try_into_http_response::<BytesMut>()
        .map_err(|fault| Error::internal(format!("an answer could not be serialised: {fault}")))?;
    Ok(exchange::response(response.map(BytesMut::freeze)))
}

fn declared(request: &HttpRequest) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The way of a body from where it is read, by [`feed`], to where it is worked on.
pub(super) fn passage() -> (mpsc::Sender<Result<Piece>>, impl Stream<Item = Result<Bytes>> + Send) {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    let pieces = stream::unfold(receiver, |mut receiver| async {
        match receiver.recv().await {
            Some(Ok(Piece::Bytes(bytes))) => Some((Ok(bytes), receiver)),
            Some(Ok(Piece::End)) => None,
            Some(Err(fault)) => Some((Err(fault), receiver)),
            None => Some((Err(Error::unknown("The upload was broken off.")), receiver)),
        }
    });
    (sender, pieces)
}

/// Passes the body on, until its end or until nobody wants more of it.
pub(super) async fn feed(mut payload: web::Payload, to: mpsc::Sender<Result<Piece>>) {
    loop {
        let piece = tokio::select! {
            piece = payload.next() => piece,
            () = to.closed() => return,
        };
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|fault| Error::unknown(format!("The body could not be read: {fault}.")));
        let is_broken = piece.is_err();
        if to.send(piece.map(Piece::Bytes)).await.is_err() || is_broken {
            return;
        }
    }
    let _ = to.send(Ok(Piece::End)).await;
}
