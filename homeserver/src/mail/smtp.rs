//! Hands messages to an SMTP server.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    message::{
        Mailbox, MessageBuilder,
        header::{ContentType, Header, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
        extension::ClientId,
    },
};
use ruma::ServerName;

use super::Message;
use crate::{
    Result,
    config::{self, mail::Encryption},
};

/// How long the server may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An SMTP server.
#[derive(Clone)]
pub(super) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    server_name: String,
}

/// What became of a message.
pub(super) enum Outcome {
    /// It was taken.
    Sent,
    /// It may be taken later.
    Delayed(String),
    /// It never will be.
    Refused(String),
}

/// Tells other programs not to answer. RFC 3834, section 5.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").finish_non_exhaustive()
    }
}

impl Smtp {
    /// The configured server, if there is one.
    pub(super) fn new(rules: &config::Mail, server_name: &ServerName) -> Result<Option<Self>> {
        let (Some(host), Some(from)) = (&rules.smtp_host, &rules.from) else { return Ok(None) };
        let from: Mailbox = from.parse().context("mail.from")?;
        let mut parameters = TlsParameters::builder(host.clone());
        if let Some(file) = &rules.ca_file {
            let pem = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
            parameters = parameters.add_root_certificate(Certificate::from_pem(&pem).context("mail.ca_file")?);
        }
        let (port, tls) = match rules.encryption {
            Encryption::None => (25, Tls::None),
            Encryption::Starttls => (587, Tls::Required(parameters.build_rustls().context("mail: TLS")?)),
            Encryption::Tls => (465, Tls::Wrapper(parameters.build_rustls().context("mail: TLS")?)),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(rules.smtp_port.unwrap_or(port))
            .tls(tls)
            .hello_name(ClientId::Domain(server_name.host().to_owned()))
            .timeout(Some(TIMEOUT));
        if let (Some(name), Some(password)) = (&rules.username, &rules.password) {
            transport = transport.credentials(Credentials::new(name.clone(), password.expose().to_owned()));
        }
        Ok(Some(Self { transport: transport.build(), from, server_name: server_name.host().to_owned() }))
    }

    /// Tries to hand over a message that was written at `written_ms`.
    pub(super) async fn send(&self, id: &str, message: Message, written_ms: i64) -> Outcome {
        let Some(to) = message.to else { return Outcome::Sent };
        let Ok(to) = to.parse() else { return Outcome::Refused("the address is none".to_owned()) };
        let written = SystemTime::UNIX_EPOCH + Duration::from_millis(written_ms.unsigned_abs());
        let built = MessageBuilder::new()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(message.subject)
            .date(written)
            .message_id(Some(format!("<{id}@{}>", self.server_name)))
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(message.text);
        let built = match built {
            Ok(built) => built,
            Err(fault) => return Outcome::Refused(fault.to_string()),
        };
        match self.transport.send(built).await {
            Ok(_) => Outcome::Sent,
            // What a server says may quote the address, which is not for the log.
            Err(fault) if fault.is_permanent() => Outcome::Refused(code(&fault)),
            Err(fault) => Outcome::Delayed(code(&fault)),
        }
    }
}

fn code(fault: &lettre::transport::smtp::Error) -> String {
    match fault.status() {
        Some(code) => format!("the server answered {code}"),
        None => fault.to_string(),
    }
}
