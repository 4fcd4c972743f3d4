//! The description of the API for programs.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use moderation::http::api;
use serde_json::Value;

fn description() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi/moderation.yaml");
    serde_saphyr::from_str(&std::fs::read_to_string(file).expect("the file is there")).expect("it is YAML")
}

#[test]
fn it_lists_exactly_the_endpoints_that_are_served() {
    let served: BTreeSet<(String, String)> =
        api::paths().map(|(method, path)| (path.to_owned(), method.to_lowercase())).collect();
    let paths: BTreeMap<String, BTreeMap<String, Value>> =
        serde_json::from_value(description()["paths"].clone()).expect("paths with methods");
    let described = paths.into_iter().flat_map(|(path, methods)| {
        methods.into_keys().filter(|name| name != "parameters").map(move |method| (path.clone(), method))
    });

    assert_eq!(described.collect::<BTreeSet<_>>(), served);
}

#[test]
fn the_documentation_names_every_command() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let read = |name: &str| std::fs::read_to_string(file.join(name)).expect("the page is there");
    let pages = ["moderation.md", "protections.md", "policy-lists.md"].map(read).join("\n");

    for command in moderation::commands::table() {
        assert!(pages.contains(&format!("!mod {}", command.verb)), "{} is nowhere described", command.verb);
    }
}
