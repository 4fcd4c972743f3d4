//! The commands for programs: the same verbs and the same rights, as JSON. Described by
//! `docs/openapi/moderation.yaml`, which a test compares with the routes here.

use std::{future::Future, time::Duration};

use actix_web::{HttpRequest, HttpResponse, Route, http::Method, web};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Entrance, answers, bearer};
use crate::{
    App, Error, Result,
    actions::Author,
    commands::{self, Actor, Answer, Arguments, Next},
    error::Refusal,
    ids, talk,
};

/// What all paths begin with.
pub const PREFIX: &str = "/_salon/moderation/v1";
/// How long a program waits until everything is done; after that it asks for the case.
const PATIENCE: Duration = Duration::from_secs(20);
/// The header by which a program makes sure that a request is carried out once.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// All endpoints: the method, the path after [`PREFIX`], and who answers.
fn endpoints() -> [(Method, &'static str, Route); 6] {
    [
        (Method::GET, "/me", web::to(me)),
        (Method::GET, "/commands", web::to(list)),
        (Method::POST, "/commands/{verb}", web::to(run)),
        (Method::GET, "/cases", web::to(cases)),
        (Method::GET, "/cases/{case_id}", web::to(case)),
        (Method::POST, "/cases/{case_id}/undo", web::to(undo)),
    ]
}

pub(super) fn routes(config: &mut web::ServiceConfig) {
    for (method, path, route) in endpoints() {
        config.route(&format!("{PREFIX}{path}"), route.method(method));
    }
}

/// The methods and paths, after [`PREFIX`].
pub fn paths() -> impl Iterator<Item = (String, &'static str)> {
    endpoints().into_iter().map(|(method, path, _)| (method.to_string(), path))
}

/// `GET /_salon/moderation/v1/me`
async fn me(request: HttpRequest, entrance: web::Data<Entrance>) -> HttpResponse {
    admitted(&request, &entrance, |_, actor| async move {
        Ok(json!({ "user_id": actor.user_id, "role": actor.role.map(crate::roles::Role::name) }))
    })
    .await
}

/// `GET /_salon/moderation/v1/commands`
async fn list(request: HttpRequest, entrance: web::Data<Entrance>) -> HttpResponse {
    admitted(&request, &entrance, |app, actor| async move { execute(&app, &actor, "help", &json!({})).await }).await
}

/// `POST /_salon/moderation/v1/commands/{verb}`
async fn run(
    request: HttpRequest,
    entrance: web::Data<Entrance>,
    verb: web::Path<String>,
    body: Bytes,
) -> HttpResponse {
    admitted(&request, &entrance, |app, actor| async move {
        let body = if body.is_empty() { Bytes::from_static(b"{}") } else { body };
        let body: Value =
            serde_json::from_slice(&body).map_err(|fault| Error::invalid(format!("The body is not JSON: {fault}.")))?;
        execute(&app, &actor, &verb, &body).await
    })
    .await
}

/// `GET /_salon/moderation/v1/cases`
async fn cases(
    request: HttpRequest,
    entrance: web::Data<Entrance>,
    query: web::Query<std::collections::HashMap<String, String>>,
) -> HttpResponse {
    admitted(&request, &entrance, |app, actor| async move {
        let targets: Vec<&String> = query.get("target").into_iter().collect();
        execute(&app, &actor, "cases", &json!({ "targets": targets })).await
    })
    .await
}

/// `GET /_salon/moderation/v1/cases/{case_id}`
async fn case(request: HttpRequest, entrance: web::Data<Entrance>, id: web::Path<String>) -> HttpResponse {
    admitted(
        &request,
        &entrance,
        |app, actor| async move { execute(&app, &actor, "case", &json!({ "case": *id })).await },
    )
    .await
}

/// `POST /_salon/moderation/v1/cases/{case_id}/undo`
async fn undo(request: HttpRequest, entrance: web::Data<Entrance>, id: web::Path<String>) -> HttpResponse {
    admitted(
        &request,
        &entrance,
        |app, actor| async move { execute(&app, &actor, "undo", &json!({ "case": *id })).await },
    )
    .await
}

/// Carries out a command. What people would confirm is done at once, unless it is only asked what would be.
async fn execute(app: &App, actor: &Actor, verb: &str, body: &Value) -> Result<Value> {
    let command = commands::find(verb).map_err(|fault| Error::refused(Refusal::NotFound, fault.to_string()))?;
    let arguments = Arguments::read(body)?;
    // A program that did not get the answer asks again with the same key.
    if let Some(case_id) = app.actions.begun(&actor.cause).await?.filter(|_| !arguments.is_rehearsal()) {
        return answer_with_case(app, &case_id, &Value::Null).await;
    }
    match app.commands.run(command, actor, &arguments).await? {
        Answer::Told(reply, facts) => Ok(json!({ "text": reply.plain(), "result": facts })),
        Answer::Planned { preview, facts, plan, next: Next::Tell } => {
            Ok(json!({ "text": preview.plain(), "preview": facts, "acts": plan.acts.len() }))
        }
        Answer::Planned { facts, plan, .. } => {
            let author = Author { user_id: actor.user_id.clone(), origin: actor.origin.to_owned() };
            let case_id = app.actions.open(&actor.cause, &author, &plan).await?;
            answer_with_case(app, &case_id, &facts).await
        }
    }
}

async fn answer_with_case(app: &App, case_id: &str, preview: &Value) -> Result<Value> {
    let account = app.actions.settled(case_id, PATIENCE).await?;
    let text = talk::describe(&account, app.clock.now_ms()).plain();
    let mut answer = json!({ "text": text, "case": commands::facts_of(&account) });
    if !preview.is_null() {
        answer["preview"] = preview.clone();
    }
    Ok(answer)
}

/// Answers somebody who shows a token that is good.
async fn admitted<F, Fut>(request: &HttpRequest, entrance: &Entrance, work: F) -> HttpResponse
where
    F: FnOnce(App, Actor) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Value>> + Send,
{
    let token = bearer(request).map(ToOwned::to_owned);
    let key = request.headers().get(IDEMPOTENCY_KEY).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    answers::of(entrance, |app| async move {
        let missing = || Error::refused(Refusal::Unauthorized, "A token is needed: `!mod token` makes one.");
        let (token, role) = app.tokens.authenticate(&token.ok_or_else(missing)?).await?;
        // Two programs may choose the same.
        let cause = match key {
            Some(key) if key.len() <= 200 => format!("api-{}-{key}", token.token_id),
            Some(_) => return Err(Error::invalid(format!("`{IDEMPOTENCY_KEY}` has at most 200 characters."))),
            None => format!("api-{}-{}", token.token_id, ids::random(20)),
        };
        let user_id = token.user_id;
        let actor = Actor { user_id, role: Some(role), room: None, cause, is_alone: true, origin: "api" };
        work(app, actor).await
    })
    .await
}
