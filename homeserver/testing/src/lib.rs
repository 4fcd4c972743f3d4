//! Real Salon servers in one process, for tests: each has a database, a port and a clock of its own.

mod account;
mod appservice;
mod attention;
mod authenticator;
mod browser;
mod captcha;
mod database;
mod encryption;
mod gateway;
mod listener;
mod mailbox;
mod media;
mod provider;
mod relations;
mod remote;
mod rooms;
mod server;
mod user;
mod website;

pub use appservice::{Asked, TestAppService, Told};
pub use authenticator::Authenticator;
pub use browser::{TestBrowser, TestPage, encode_text, parameter};
pub use captcha::TestCaptcha;
pub use database::TestDatabase;
pub use encryption::Signer;
pub use gateway::TestGateway;
pub use mailbox::{TestMail, TestMailbox};
pub use media::TestDownload;
pub use provider::TestProvider;
pub use remote::{Place, RemoteServer};
pub use rooms::segment;
pub use server::TestServer;
pub use user::{Answer, Refusal, TestUser};
pub use website::TestWebsite;
