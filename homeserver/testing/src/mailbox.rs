//! A mail server that keeps what it is given, for tests to read.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use homeserver::config::{Config, mail::Encryption};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::{Mutex, mpsc},
};

/// How long a message may take to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A mail server. It ends with its test.
#[derive(Debug)]
pub struct TestMailbox {
    address: SocketAddr,
    messages: Mutex<mpsc::UnboundedReceiver<TestMail>>,
    /// So many messages are put off before one is taken.
    refusals: Arc<AtomicUsize>,
}

/// A message.
#[derive(Clone, Debug)]
pub struct TestMail {
    /// Whom the envelope names.
    pub to: Vec<String>,
    /// All lines before the first empty one.
    pub head: String,
    /// The decoded text.
    pub text: String,
}

impl TestMailbox {
    /// Starts a mail server.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (sender, messages) = mpsc::unbounded_channel();
        let refusals = Arc::new(AtomicUsize::new(0));
        let left = refusals.clone();
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, left) = (sender.clone(), left.clone());
                tokio::spawn(async move { serve(stream, &sender, &left).await });
            }
        });
        Self { address, messages: Mutex::new(messages), refusals }
    }

    /// Lets a server send its mail here.
    pub fn configure(&self, config: &mut Config) {
        config.mail.smtp_host = Some(self.address.ip().to_string());
        config.mail.smtp_port = Some(self.address.port());
        config.mail.encryption = Encryption::None;
        config.mail.from = Some("Salon <noreply@test.local>".to_owned());
    }

    /// Puts off the next `count` messages.
    pub fn put_off(&self, count: usize) {
        self.refusals.store(count, Ordering::SeqCst);
    }

    /// The next message that was not read yet.
    pub async fn next(&self) -> TestMail {
        let next = tokio::time::timeout(PATIENCE, async { self.messages.lock().await.recv().await });
        next.await.expect("a message comes").expect("the mail server runs")
    }

    /// Whether all messages were read.
    pub async fn is_empty(&self) -> bool {
        self.messages.lock().await.is_empty()
    }
}

impl TestMail {
    /// The path and query of the link in it.
    pub fn link(&self) -> String {
        let link = self.text.split_whitespace().find(|word| word.starts_with("https://")).expect("there is a link");
        let url = url::Url::parse(link).expect("it is a URL");
        format!("{}?{}", url.path(), url.query().unwrap_or_default())
    }

    /// The token in the link.
    pub fn token(&self) -> String {
        self.link().split_once("token=").expect("there is a token").1.to_owned()
    }
}

async fn serve(stream: TcpStream, messages: &mpsc::UnboundedSender<TestMail>, refusals: &AtomicUsize) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let mut to = Vec::new();
    let mut answer = "220 test".to_owned();
    loop {
        if writer.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let Ok(Some(line)) = lines.next_line().await else { return };
        let is_put_off =
            || refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        answer = match line.split([' ', ':']).next().unwrap_or_default().to_uppercase().as_str() {
            "EHLO" => "250-test\r\n250 8BITMIME".to_owned(),
            "MAIL" if is_put_off() => "451 later".to_owned(),
            "RCPT" => {
                to.push(line.split_once('<').map_or("", |(_, rest)| rest.trim_end_matches('>')).to_owned());
                "250 ok".to_owned()
            }
            "DATA" => {
                let _ = writer.write_all(b"354 go on\r\n").await;
                let mut text = String::new();
                while let Ok(Some(line)) = lines.next_line().await {
                    if line == "." {
                        break;
                    }
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    text.push('\n');
                }
                let _ = messages.send(read(std::mem::take(&mut to), &text));
                "250 taken".to_owned()
            }
            "QUIT" => "221 bye".to_owned(),
            _ => "250 ok".to_owned(),
        };
    }
}

fn read(to: Vec<String>, message: &str) -> TestMail {
    let (head, body) = message.split_once("\n\n").unwrap_or((message, ""));
    let is_quoted = head.to_lowercase().contains("quoted-printable");
    let text = if is_quoted { unquoted(body) } else { body.to_owned() };
    TestMail { to, head: head.to_owned(), text }
}

/// Decodes quoted-printable text.
fn unquoted(text: &str) -> String {
    let text = text.replace("=\n", "");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| first == b'=').and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
