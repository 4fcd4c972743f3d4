//! Forms with a file, which is not read before it is known who sends it, and that this server gave the form
//! to this browser.

use std::{pin::Pin, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt};
use http::{Method, header};
use multer::{Field, Multipart};

use super::{Page, answer, fields::Fields, visit::Visit};
use crate::{
    App, Error, Result,
    http::{
        endpoint::{self, HttpAnswer, Incoming, Route},
        error, exchange, uploads,
        work::Workplace,
    },
};

/// Most fields before the file, and most bytes of each.
const MOST_FIELDS: usize = 8;
const LONGEST_FIELD: usize = 1024;

/// A file on its way here.
pub(super) type File = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// A form whose last field is a file, which `handler` takes as it comes.
pub(super) fn upload<H, F>(paths: &[&str], handler: H) -> Route
where
    H: Fn(Visit, File) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Page> + Send + 'static,
{
    endpoint::streaming(
        Method::POST,
        paths,
        Arc::new(move |workplace, request, payload| {
            Box::pin(async move {
                let answer = serve(&workplace, &request, payload, handler).await;
                answer.unwrap_or_else(|refusal| error::answer(&refusal))
            })
        }),
    )
}

async fn serve<H, F>(
    workplace: &Workplace,
    request: &HttpRequest,
    payload: web::Payload,
    handler: H,
) -> Result<HttpResponse>
where
    H: Fn(Visit, File) -> F + Copy + Send + 'static,
    F: Future<Output = Page> + Send + 'static,
{
    let incoming = endpoint::without_body(&workplace.app, request)?;
    let (sender, pieces) = uploads::passage();
    let app = workplace.app.clone();
    let work = workplace.start(false, async move { receive(app, incoming, pieces, handler).await });
    uploads::feed(payload, sender).await;
    Ok(exchange::response(work.outcome().await?))
}

async fn receive<H, F>(
    app: App,
    incoming: Incoming,
    body: impl Stream<Item = Result<Bytes>> + Send + 'static,
    handler: H,
) -> HttpAnswer
where
    H: Fn(Visit, File) -> F + Copy,
    F: Future<Output = Page>,
{
    let kind = incoming.request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = multer::parse_boundary(kind.unwrap_or_default()).map_err(malformed)?;
    let (form, file) = parts(Multipart::new(body, boundary)).await?;
    let mut visit = Visit::of(app, incoming).await?;
    visit.form = form;
    answer(visit, move |visit| handler(visit, Box::pin(file.map_err(malformed)))).await
}

/// The fields that come before the file, and the file.
async fn parts(mut parts: Multipart<'static>) -> Result<(Fields, Field<'static>)> {
    let mut fields = Vec::new();
    while let Some(mut field) = parts.next_field().await.map_err(malformed)? {
        if field.file_name().is_some() {
            return Ok((Fields::of(fields), field));
        }
        let name = field.name().unwrap_or_default().to_owned();
        let mut value = BytesMut::new();
        while let Some(piece) = field.next().await {
            value.extend_from_slice(&piece.map_err(malformed)?);
            if value.len() > LONGEST_FIELD || fields.len() == MOST_FIELDS {
                return Err(Error::too_large("This form has too much before its file."));
            }
        }
        fields.push((name, String::from_utf8_lossy(&value).into_owned()));
    }
    Err(Error::invalid_param("This form has no file."))
}

fn malformed(fault: multer::Error) -> Error {
    Error::unknown(format!("The form could not be read: {fault}."))
}
