//! Sets up the log, on the standard error output.

use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt};

use crate::config::{LogFormat, Logging, Problem};

/// Libraries that say more than an operator wants to know, unless asked for by name.
const QUIET: &str = "actix_http=warn,actix_server=warn,h2=warn,hyper=warn,rustls=warn,sqlx=warn,\
     sqlx_core::pool=error,ruma_state_res=error,ruma_signatures=warn";

/// Logs from now on, `instead` of what is configured if that is given.
pub fn start(options: &Logging, instead: Option<&str>) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", instead.unwrap_or(&options.filter)))
        .map_err(|fault| Problem::new("logging.filter", fault))?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match options.format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).finish().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
    }?;
    Ok(())
}
