//! The rules of the house that a compiler does not know, kept by reading the sources.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The modules of the homeserver, lowest first. A module uses those of lower rows and, in its own
/// row, those to its left. `app` builds all services; handlers get it, so `http` stands above it.
const LAYERS: [&[&str]; 9] = [
    &["error", "json", "clock", "tasks", "metrics", "config", "secrets", "signing", "turn"],
    &["storage"],
    &["audit", "mail", "rotation", "bus", "event", "tail"],
    &["access", "accounts", "devices", "keys", "remote", "media"],
    &["rooms"],
    &[
        "admission",
        "membership",
        "reading",
        "directory",
        "creation",
        "posting",
        "ephemeral",
        "unread",
        "search",
        "reports",
        "oversight",
        "moderation",
    ],
    &["sync", "federation", "push", "appservices"],
    &["app"],
    &["http", "cli"],
];
/// In these rows the modules do not know each other, neither to the left.
const STRANGERS: [&str; 4] = ["sync", "federation", "push", "appservices"];

/// The longest file, in lines.
const LONGEST: usize = 400;

/// What only one of MySQL and MariaDB knows, or what breaks with several processes.
const NOT_COMMON: [&str; 8] =
    [" returning ", "get_lock(", "auto_increment", " as new ", "inet6", "foreign key", "lock tables", "on conflict"];

struct Source {
    /// From `src/` on.
    path: String,
    text: String,
}

impl Source {
    /// The first module of the path: `rooms` for `rooms/append.rs`.
    fn module(&self) -> &str {
        self.path.split(['/', '.']).next().expect("a path has a first part")
    }

    /// The text without comments.
    fn code(&self) -> String {
        self.text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
    }

    /// The modules of this crate that are named.
    fn uses(&self) -> BTreeSet<String> {
        let code = self.code();
        let mut found = BTreeSet::new();
        for (start, _) in code.match_indices("crate::") {
            if code[..start].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == '$') {
                continue;
            }
            let rest = &code[start + "crate::".len()..];
            match rest.strip_prefix('{') {
                Some(group) => found.extend(first_names(group)),
                None => found.extend(first_name(rest)),
            }
        }
        found
    }
}

fn first_name(path: &str) -> Option<String> {
    let name: String = path.trim_start().chars().take_while(|next| next.is_alphanumeric() || *next == '_').collect();
    let module = match name.as_str() {
        "App" => "app",
        "Error" | "Result" => "error",
        other => other,
    };
    (!module.is_empty()).then(|| module.to_owned())
}

/// The first name of each item of a group, of which `group` is what follows the opening brace.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut items, mut item) = (0, Vec::new(), String::new());
    for next in group.chars() {
        match next {
            '}' if depth == 0 => break,
            ',' if depth == 0 => items.push(std::mem::take(&mut item)),
            _ => {
                depth += i32::from(next == '{') - i32::from(next == '}');
                item.push(next);
            }
        }
    }
    items.push(item);
    items.iter().filter_map(|item| first_name(item)).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).expect("the directory is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            all.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            all.push(path);
        }
    }
    all.sort();
    all
}

fn sources() -> Vec<Source> {
    let source = root().join("src");
    let read = |path: PathBuf| Source {
        text: fs::read_to_string(&path).expect("sources are text"),
        path: path.strip_prefix(&source).expect("it is below").to_str().expect("names are text").to_owned(),
    };
    files(&source, "rs").into_iter().map(read).collect()
}

fn place(module: &str) -> Option<(usize, usize)> {
    LAYERS.iter().enumerate().find_map(|(row, modules)| Some((row, modules.iter().position(|name| *name == module)?)))
}

fn only_in(module: &str, what: &str) {
    for source in sources().into_iter().filter(|source| source.module() != module) {
        assert!(!source.code().contains(what), "only {module} names {what}, but {} does too", source.path);
    }
}

#[test]
fn only_storage_speaks_sql() {
    only_in("storage", "sqlx::");
    only_in("storage", "foundation::database");
}

#[test]
fn only_http_speaks_actix() {
    only_in("http", "actix_web::");
}

#[test]
fn names_of_modules_are_found() {
    let text = "use crate::{\n    App, Error,\n    storage::{Storage, log::{self, Rows}},\n};\n// crate::comment
        fn f() -> crate::Result<()> { $crate::macros::x(crate::tail::Log, supercrate::other) }";
    let source = Source { path: "http/x.rs".to_owned(), text: text.to_owned() };

    assert_eq!(source.module(), "http");
    assert_eq!(source.uses(), ["app", "error", "storage", "tail"].map(ToOwned::to_owned).into());
}

#[test]
fn modules_depend_downwards() {
    for source in sources() {
        let module = source.module();
        if matches!(module, "lib" | "main") {
            continue;
        }
        let here = place(module).unwrap_or_else(|| panic!("{module} has no place in the layers"));
        for used in source.uses().iter().filter(|used| *used != module) {
            let there = place(used).unwrap_or_else(|| panic!("{used}, named in {}, is no module", source.path));
            let strangers = STRANGERS.contains(&module) && STRANGERS.contains(&used.as_str());
            assert!(there < here && !strangers, "{} must not use {used}", source.path);
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for directory in ["src", "tests", "testing/src", "../foundation/src"] {
        for path in files(&root().join(directory), "rs") {
            let text = fs::read_to_string(&path).expect("sources are text");
            assert!(text.starts_with("//! "), "the first line of {} says what it is for", path.display());
        }
    }
}

#[test]
fn files_are_short() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines: split it", source.path);
    }
}

#[test]
fn statements_are_understood_by_mysql_and_mariadb() {
    let migrations = files(&root().join("../migrations"), "sql").into_iter().map(|path| {
        let text = fs::read_to_string(&path).expect("migrations are text");
        let code = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
        (path.display().to_string(), code)
    });
    let statements = sources().into_iter().filter(|source| source.module() == "storage");
    let statements = statements.map(|source| (source.path.clone(), source.code()));
    for (path, code) in migrations.chain(statements) {
        let code = code.to_lowercase();
        for word in NOT_COMMON {
            assert!(!code.contains(word), "{path} uses {word:?}");
        }
    }
}
