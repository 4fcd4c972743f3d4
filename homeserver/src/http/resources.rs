//! The routes, by path: what actix has to know of them.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, web};

use super::{
    endpoint::{Route, Serve, Streaming, StreamingAnswer, serve_whole},
    entrance::Entrance,
    error,
    work::Workplace,
};

/// The routes by path, because actix needs one resource per path: a known path with a wrong method
/// is 405, an unknown path 404.
#[derive(Clone, Debug)]
pub struct Resources {
    by_path: Arc<BTreeMap<String, Vec<Route>>>,
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
        Self { by_path: Arc::new(by_path) }
    }

    /// Adds all resources to actix's configuration, those with more fixed segments first, and last those that take
    /// whatever is left.
    pub fn register(&self, config: &mut web::ServiceConfig) {
        let mut paths: Vec<_> = self.by_path.iter().collect();
        paths.sort_by_key(|(path, _)| (path.contains(":.*"), path.matches('{').count()));
        for (path, routes) in paths {
            let mut resource = web::resource(path.as_str());
            for route in routes {
                let method = actix_web::http::Method::from_bytes(route.method.as_str().as_bytes())
                    .expect("a method of one version of `http` is one of the other");
                resource = match &route.serve {
                    Serve::Whole(handler) => {
                        let handler = handler.clone();
                        resource.route(web::method(method).to(move |entrance, request, payload| {
                            serve_whole(handler.clone(), entrance, request, payload)
                        }))
                    }
                    Serve::Streaming(handler) => {
                        let is_read = method == actix_web::http::Method::GET;
                        let resource = resource.route(web::method(method).to(stream(handler)));
                        // What streams its answer can as well tell only how long it is.
                        if is_read { resource.route(web::head().to(stream(handler))) } else { resource }
                    }
                };
            }
            config.service(resource.default_service(web::to(other_method)));
        }
    }
}

fn stream(
    handler: &Streaming,
) -> impl Fn(web::Data<Entrance>, HttpRequest, web::Payload) -> StreamingAnswer + Clone + 'static {
    let handler = handler.clone();
    move |entrance, request, payload| match Workplace::of(&entrance) {
        Some(workplace) => handler(workplace, request, payload),
        None => Box::pin(std::future::ready(error::not_ready())),
    }
}

async fn other_method(request: HttpRequest) -> HttpResponse {
    if request.method() == actix_web::http::Method::OPTIONS {
        return HttpResponse::Ok().json(serde_json::json!({}));
    }
    error::wrong_method()
}
