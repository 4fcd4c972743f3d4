//! `docs/api-coverage.md` is written from the routes, and says what they are.

use std::{collections::HashSet, env, fmt::Write, fs, path::Path};

use homeserver::http::{endpoint::Route, routes};

/// What the specification has for homeservers to serve, in its order: `#` is an API, `##` a section.
const ENDPOINTS: &str = include_str!("api_coverage/endpoints.txt");
/// Set to write the page instead of comparing it.
const UPDATE: &str = "UPDATE_DOCS";

const HEAD: &str = "# What of the Matrix API is served

Every endpoint that the Matrix specification 1.19 has for homeservers, and whether Salon serves it.
*Refused* is what is always answered with a refusal, because the server does not have what it is for.
The older `r0` paths are served too. A test writes this page from the routes, and fails where it is not true:
after a change of the routes, run `UPDATE_DOCS=1 cargo test --test it api_coverage`.
";

#[test]
fn the_page_about_the_api_is_true() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api-coverage.md");
    let page = page(&routes());

    if env::var_os(UPDATE).is_some() {
        fs::write(&file, page).expect("the page can be written");
        return;
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(written == page, "docs/api-coverage.md is out of date: {UPDATE}=1 cargo test --test it api_coverage");
}

fn page(routes: &[Route]) -> String {
    let (mut tables, mut totals) = (String::new(), Vec::new());
    let mut section = "";
    let mut known = HashSet::new();
    for line in ENDPOINTS.lines().filter(|line| !line.is_empty()) {
        if let Some(title) = line.strip_prefix("# ") {
            totals.push((title, 0, 0));
            write!(tables, "\n## {title}\n\n| Section | Method | Path | Served |\n| --- | --- | --- | --- |\n")
                .expect("strings take anything");
            continue;
        }
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
            continue;
        }
        let (method, rest) = line.split_once(' ').expect("a method and a path");
        let (path, note) = rest.split_once(' ').map_or((rest, ""), |(path, _)| (path, " (deprecated)"));
        assert!(known.insert((method, shape(path))), "{line} is listed twice");
        let route = routes.iter().find(|route| route.method == method && has(route, path));
        let served = match route {
            Some(route) if route.is_refused => "refused",
            Some(_) => "yes",
            None => "**no**",
        };
        let (_, served_of_api, of_api) = totals.last_mut().expect("an API comes first");
        *served_of_api += usize::from(served == "yes");
        *of_api += 1;
        writeln!(tables, "| {section} | {method} | `{path}`{note} | {served} |").expect("strings take anything");
    }

    let mut page = format!("{HEAD}\n| API | Endpoints | Served |\n| --- | --- | --- |\n");
    for (title, served, all) in totals {
        writeln!(page, "| {title} | {all} | {served} |").expect("strings take anything");
    }
    page.push_str(&tables);
    page.push_str("\n## Besides\n\nWhat is not among the definitions of endpoints in the specification: pages, older paths, and our own.\n\n");
    for route in routes {
        let is_known = |path: &String| known.contains(&(route.method.as_str(), shape(path)));
        if !route.paths.iter().any(is_known) {
            writeln!(page, "- {} `{}`", route.method, route.paths[0]).expect("strings take anything");
        }
    }
    page
}

fn has(route: &Route, path: &str) -> bool {
    route.paths.iter().any(|served| shape(served) == shape(path))
}

/// A path without the names of its parameters.
fn shape(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}
