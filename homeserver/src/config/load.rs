//! Reads the configuration: defaults, then the file, then the environment.

use std::path::{Path, PathBuf};

use figment::{
    Error, Figment, Metadata, Profile, Provider,
    error::Kind,
    providers::{Format, Toml},
    value::{Dict, Map, Value},
};

use super::{Config, Problem};

/// Environment variables that begin so are options.
const PREFIX: &str = "SALON_";
/// Those that are another program's.
const OTHERS_PREFIX: &str = "SALON_MODERATION_";
/// The one that names the file instead.
const FILE_VARIABLE: &str = "SALON_CONFIG";
/// The file that is read when none is named, if it exists.
const DEFAULT_FILE: &str = "config.toml";
/// Between the table and the option in the name of a variable.
const LEVELS: &str = "__";

/// Reads and checks the configuration: `file`, else the one that `SALON_CONFIG` names, else
/// `./config.toml` if it exists; then the variables `SALON_<TABLE>__<OPTION>`.
pub fn load(file: Option<&Path>) -> Result<Config, Problem> {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| is_option(name))?;
        Some((name, value.to_string_lossy().into_owned()))
    });
    from_sources(file, variables.collect())
}

/// The same with `variables` in place of the environment's.
pub(super) fn from_sources(file: Option<&Path>, mut variables: Vec<(String, String)>) -> Result<Config, Problem> {
    let named = variables.iter().position(|(name, _)| name == FILE_VARIABLE);
    let named = named.map(|index| PathBuf::from(variables.swap_remove(index).1));
    let default = || Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists());

    let file = file.map(Path::to_owned).or(named).or_else(default);
    let mut sources = Figment::new();
    if let Some(path) = &file {
        std::fs::File::open(path).map_err(|fault| Problem::new(path.display().to_string(), fault))?;
        sources = sources.merge(Toml::file_exact(path));
    }
    let names: Vec<String> = variables.iter().map(|(name, _)| name.clone()).collect();
    let sources = sources.merge(Environment(variables));
    let config: Config = sources.extract().map_err(|fault| describe(&fault, &names, file.as_deref()))?;
    config.check()?;
    Ok(config)
}

fn is_option(variable: &str) -> bool {
    variable.starts_with(PREFIX) && !variable.starts_with(OTHERS_PREFIX)
}

/// The options among the environment's variables.
struct Environment(Vec<(String, String)>);

impl Environment {
    /// The variable for the option at `path`.
    fn variable(path: &[String]) -> String {
        format!("{PREFIX}{}", path.join(LEVELS).to_uppercase())
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut all = Dict::new();
        for (name, text) in &self.0 {
            let path = name.trim_start_matches(PREFIX).to_lowercase();
            let value: Value = text.parse().unwrap_or_else(|never| match never {});
            match path.split_once(LEVELS) {
                None => all.insert(path, value),
                Some((table, option)) => {
                    let table = all.entry(table.to_owned()).or_insert_with(|| Value::from(Dict::new()));
                    let Value::Dict(_, table) = table else { continue };
                    table.insert(option.to_owned(), value)
                }
            };
        }
        Ok(Profile::Default.collect(all))
    }
}

/// The problem that `fault` tells of; `variables` are the names of those that were read, and what
/// none of them says stands in `file`.
fn describe(fault: &Error, variables: &[String], file: Option<&Path>) -> Problem {
    let message = match &fault.kind {
        Kind::UnknownField(_, known) => format!("there is no such option here, only {}", known.join(", ")),
        kind => kind.to_string(),
    };
    let option = fault.path.join(".");
    let variable = Environment::variable(&fault.path);
    if variables.contains(&variable) {
        return Problem::new(format!("{variable} ({option})"), message);
    }
    match file {
        Some(file) if option.is_empty() => Problem::new(file.display().to_string(), message),
        Some(file) => Problem::new(format!("{option} in {}", file.display()), message),
        None => Problem::new(option, message),
    }
}
