//! The description of the access API for programs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use homeserver::{access::feature::Feature, http::routes};
use serde_json::Value;

use super::API;

fn description() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi/access.yaml");
    let text = fs::read_to_string(file).expect("the file is there");
    serde_saphyr::from_str(&text).expect("it is YAML")
}

#[test]
fn it_lists_exactly_the_endpoints_that_are_served() {
    let mut served: BTreeSet<(String, String)> = BTreeSet::new();
    for route in routes() {
        for path in route.paths.iter().filter_map(|path| path.strip_prefix(API)) {
            served.insert((path.to_owned(), route.method.as_str().to_lowercase()));
        }
    }
    let paths: BTreeMap<String, BTreeMap<String, Value>> =
        serde_json::from_value(description()["paths"].clone()).expect("paths with methods");
    let described = paths.into_iter().flat_map(|(path, methods)| {
        methods.into_keys().filter(|name| name != "parameters").map(move |method| (path.clone(), method))
    });

    assert_eq!(described.collect::<BTreeSet<_>>(), served);
}

#[test]
fn it_names_every_feature() {
    let described = description()["components"]["schemas"]["Feature"]["enum"].clone();
    let features: Vec<&str> = Feature::ALL.iter().map(|feature| feature.name()).collect();

    assert_eq!(described, serde_json::json!(features));
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(ToOwned::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let (description, mut found) = (description(), Vec::new());
    references(&description, &mut found);

    assert!(!found.is_empty());
    for reference in found {
        let target = description.pointer(reference.trim_start_matches('#'));
        assert!(target.is_some(), "{reference}");
    }
}
