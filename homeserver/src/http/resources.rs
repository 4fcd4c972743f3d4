//! The routes, by path and method: who serves a request.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpMessage, HttpRequest, HttpResponse, http::Method, web};
use matchit::Router;

use super::{
    endpoint::{Route, Serve, serve_whole},
    entrance::Entrance,
    error,
    work::Workplace,
};
use crate::Error;

/// The routes by path. actix would try the paths one after the other, and there are hundreds: this
/// is a tree.
#[derive(Clone, Debug)]
pub struct Resources {
    paths: Arc<Router<Resource>>,
}

/// What has a path: a wrong method there is 405, another path 404.
#[derive(Debug)]
struct Resource {
    path: Arc<str>,
    routes: Vec<Route>,
}

/// Where a request was found to lead.
#[derive(Clone, Debug)]
pub struct Place {
    /// The path, with the names of its parameters.
    pub path: Arc<str>,
    /// The parameters, in their order, as they came: still encoded.
    pub args: Vec<String>,
}

impl Resources {
    /// Collects `routes` by path.
    pub fn new(routes: Vec<Route>) -> Self {
        let mut by_path: BTreeMap<String, Vec<Route>> = BTreeMap::new();
        for route in routes {
            for path in &route.paths {
                let methods = by_path.entry(path.clone()).or_default();
                if !methods.iter().any(|known| known.method == route.method) {
                    methods.push(route.clone());
                }
            }
        }
        let mut paths = Router::new();
        for (path, routes) in by_path {
            let resource = Resource { path: path.as_str().into(), routes };
            paths.insert(numbered(&path), resource).expect("the paths of routes do not contradict each other");
        }
        Self { paths: Arc::new(paths) }
    }

    /// Serves a request, and notes its [`Place`] on it.
    pub async fn serve(
        &self,
        entrance: web::Data<Entrance>,
        request: HttpRequest,
        payload: web::Payload,
    ) -> HttpResponse {
        let Ok(found) = self.paths.at(request.path()) else { return refuse(&request, unknown_path) };
        let args = found.params.iter().map(|(_, value)| value.to_owned()).collect();
        let resource = found.value;
        request.extensions_mut().insert(Place { path: resource.path.clone(), args });
        match resource.serve(request.method()) {
            None => refuse(&request, error::wrong_method),
            Some(Serve::Whole(handler)) => serve_whole(handler.clone(), entrance, request, payload).await,
            Some(Serve::Streaming(handler)) => match Workplace::of(&entrance) {
                Some(workplace) => handler(workplace, request, payload).await,
                None => error::not_ready(),
            },
        }
    }
}

impl Resource {
    fn serve(&self, method: &Method) -> Option<&Serve> {
        let with = |name: &str| self.routes.iter().find(|route| route.method.as_str() == name);
        let of_get = || match with("GET") {
            // What streams its answer can as well tell only how long it is.
            Some(route) if method == Method::HEAD && matches!(route.serve, Serve::Streaming(_)) => Some(route),
            _ => None,
        };
        Some(&with(method.as_str()).or_else(of_get)?.serve)
    }
}

/// A path as the tree wants it: parameters at the same place have the same name.
fn numbered(path: &str) -> String {
    let segments = path.split('/').enumerate().map(|(number, segment)| match segment.strip_prefix('{') {
        Some(name) if name.ends_with(":.*}") => format!("{{*{number}}}"),
        Some(_) => format!("{{{number}}}"),
        None => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The answer where nothing serves a request: browsers may ask what they may ask anywhere.
fn refuse(request: &HttpRequest, refusal: impl FnOnce() -> HttpResponse) -> HttpResponse {
    if request.method() == Method::OPTIONS {
        return HttpResponse::Ok().json(serde_json::json!({}));
    }
    refusal()
}

fn unknown_path() -> HttpResponse {
    error::answer(&Error::unrecognized("There is no such endpoint."))
}
