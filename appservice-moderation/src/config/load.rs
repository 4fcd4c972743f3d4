//! Reads the configuration: defaults, then the file, then the environment.

use std::path::{Path, PathBuf};

use figment::{
    Figment,
    error::Kind,
    providers::{Env, Format, Serialized, Toml},
};

use super::{Config, Problem};

/// Environment variables that begin so are options.
const PREFIX: &str = "SALON_MODERATION_";
/// The one that names the file instead.
const FILE_VARIABLE: &str = "SALON_MODERATION_CONFIG";
/// The file that is read when none is named, if it exists.
const DEFAULT_FILE: &str = "moderation.toml";

/// The homeserver beside which this program was started, as that was told on the command line.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// Where it answers.
    pub url: Option<String>,
    /// Its data directory.
    pub data_directory: Option<PathBuf>,
}

/// Reads and checks the configuration: `file`, else the one that `SALON_MODERATION_CONFIG` names, else
/// `./moderation.toml` if it exists; then the variables `SALON_MODERATION_<TABLE>__<OPTION>`.
/// What they do not say is as with the homeserver `beside` which this runs.
pub fn load(file: Option<&Path>, beside: Beside) -> Result<Config, Problem> {
    let named = || std::env::var_os(FILE_VARIABLE).map(PathBuf::from);
    let usual = || Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists());
    let file = file.map(Path::to_owned).or_else(named).or_else(usual);

    let mut sources = Figment::new();
    for (option, value) in [
        ("homeserver.url", beside.url),
        ("homeserver.data_directory", beside.data_directory.map(|path| path.display().to_string())),
    ] {
        if let Some(value) = value {
            sources = sources.merge(Serialized::default(option, value));
        }
    }
    if let Some(path) = &file {
        std::fs::File::open(path).map_err(|fault| Problem::new(path.display().to_string(), fault))?;
        sources = sources.merge(Toml::file_exact(path));
    }
    let variables = Env::prefixed(PREFIX).ignore(&["config"]).split("__");
    let config: Config = sources.merge(variables).extract().map_err(|fault| {
        let message = match &fault.kind {
            Kind::UnknownField(_, known) => format!("there is no such option here, only {}", known.join(", ")),
            kind => kind.to_string(),
        };
        let source = fault.metadata.as_ref().map(|source| format!(" (from {})", source.name)).unwrap_or_default();
        Problem::new(format!("{}{source}", fault.path.join(".")), message)
    })?;
    config.check()?;
    Ok(config)
}
