//! The rules of the house that a compiler does not know, kept by reading the sources.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The modules, lowest first. A module uses those of lower rows and, in its own row, those to its left.
const LAYERS: [&[&str]; 10] = [
    &["error", "clock", "tasks", "time", "ids", "event", "reply", "config", "registration"],
    &["storage"],
    &["matrix"],
    &["roles", "rooms", "tokens"],
    &["actions"],
    &["proposals", "observers"],
    &["protections", "policy_lists"],
    &["commands", "talk", "intake"],
    &["app"],
    &["http", "cli"],
];

/// The longest file, in lines.
const LONGEST: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("the directory is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The first module of a path, and the text without comments.
fn sources() -> Vec<(String, PathBuf, String)> {
    let base = root().join("src");
    let read = |path: PathBuf| {
        let inside = path.strip_prefix(&base).expect("it is inside").display().to_string();
        let module = inside.split(['/', '.']).next().expect("a first part").to_owned();
        let text = fs::read_to_string(&path).expect("sources are text");
        let code = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
        (module, path, code)
    };
    files(&base).into_iter().map(read).collect()
}

/// The modules that follow `crate::`, alone or in braces.
fn uses(code: &str) -> BTreeSet<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|next| next.is_alphanumeric() || *next == '_').collect()
    };
    let mut found = BTreeSet::new();
    for (start, _) in code.match_indices("crate::") {
        let rest = &code[start + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(name(rest));
            continue;
        };
        let (mut depth, mut item) = (0, String::new());
        for next in group.chars() {
            match next {
                '}' if depth == 0 => break,
                ',' if depth == 0 => {
                    found.insert(name(&std::mem::take(&mut item)));
                }
                _ => {
                    depth += i32::from(next == '{') - i32::from(next == '}');
                    item.push(next);
                }
            }
        }
        found.insert(name(&item));
    }
    found.into_iter().filter(|name| !name.is_empty() && name.chars().next().is_some_and(char::is_lowercase)).collect()
}

fn place(module: &str) -> Option<(usize, usize)> {
    LAYERS.iter().enumerate().find_map(|(row, modules)| Some((row, modules.iter().position(|name| *name == module)?)))
}

#[test]
fn modules_depend_downwards() {
    for (module, path, code) in sources() {
        if matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        let here = place(&module).unwrap_or_else(|| panic!("{module} has no place in the layers"));
        for used in uses(&code).into_iter().filter(|used| *used != module) {
            let there = place(&used).unwrap_or_else(|| panic!("{used}, named in {}, is no module", path.display()));
            assert!(there < here, "{} must not use {used}", path.display());
        }
    }
}

#[test]
fn one_module_each_knows_sqlx_actix_and_reqwest() {
    let keepers =
        [("sqlx::", "storage"), ("foundation::database", "storage"), ("actix_web::", "http"), ("reqwest::", "matrix")];
    for (word, keeper) in keepers {
        for (module, path, code) in sources() {
            assert!(module == keeper || !code.contains(word), "{} names {word}", path.display());
        }
    }
}

#[test]
fn the_homeserver_is_known_over_http_alone() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("it is text");
    let dependencies = manifest.split("[dev-dependencies]").next().expect("a first part");

    assert!(!dependencies.lines().any(|line| line.starts_with("homeserver")));
}

#[test]
fn every_file_is_short_and_says_what_it_is_for() {
    for directory in ["src", "tests"] {
        for path in files(&root().join(directory)) {
            let text = fs::read_to_string(&path).expect("sources are text");
            assert!(text.starts_with("//! "), "the first line of {} says what it is for", path.display());
            assert!(text.lines().count() <= LONGEST, "{} is long: split it", path.display());
        }
    }
}
