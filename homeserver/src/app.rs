//! Builds every service, each from those below it, so that a cycle cannot be built; starts and
//! stops them in order.

use std::{ops::Deref, sync::Arc};

use anyhow::Context;
use tokio::runtime::Handle;

use crate::{
    Result,
    access::Access,
    accounts::{self, Accounts, appservices::AppServices as Registrations, captcha::Captcha},
    admission::Admission,
    appservices::{self, AppServices},
    audit::{self, Audit},
    bus::Bus,
    clock::Clock,
    config::{Config, Hidden},
    creation::Creations,
    devices::Devices,
    directory::Directory,
    ephemeral::{Counter, Nudges, Presence, Receipts, Typing},
    keys::{Backups, Keys, ToDevice, housekeeping},
    mail::{self, Mail},
    media::{Media, previews::Previews, store::Store},
    membership::Memberships,
    metrics::Metrics,
    moderation::{self, Moderation},
    oversight::Oversight,
    posting::Posting,
    push::{self, Push},
    reading::Reading,
    remote::{
        appservices::AppServiceClient, captcha::CaptchaClient, identity_providers::IdentityProviders,
        outgoing::Outgoing,
    },
    reports::Reports,
    rooms::Rooms,
    search::Search,
    secrets::{self, Secrets},
    signing::{self, SigningKey},
    storage::{self, Storage, log, migrations, settings},
    sync::{self, Sync},
    tail::{Log, Tail},
    tasks::Tasks,
    unread::{Judge, Unread},
};

/// One server; clones share it. Any number can live in one process.
#[derive(Clone, Debug)]
pub struct App(Arc<Services>);

/// What a server consists of.
#[derive(Debug)]
#[expect(missing_docs, reason = "each service is described where it is defined")]
pub struct Services {
    pub config: Config,
    pub runtime: Handle,
    pub clock: Clock,
    pub metrics: Metrics,
    pub tasks: Tasks,
    pub storage: Storage,
    pub tail: Tail,
    pub log: Log,
    pub signing: SigningKey,
    pub secrets: Secrets,
    pub audit: Audit,
    pub mail: Mail,
    pub access: Access,
    pub accounts: Accounts,
    pub identity_providers: IdentityProviders,
    pub devices: Devices,
    pub keys: Keys,
    pub to_device: ToDevice,
    pub backups: Backups,
    pub media: Media,
    pub previews: Previews,
    pub rooms: Rooms,
    pub receipts: Receipts,
    pub typing: Typing,
    pub presence: Presence,
    pub unread: Unread,
    pub push: Push,
    pub directory: Directory,
    pub memberships: Memberships,
    pub creations: Creations,
    pub posting: Posting,
    pub reading: Reading,
    pub search: Search,
    pub reports: Reports,
    pub oversight: Oversight,
    pub moderation: Moderation,
    pub sync: Sync,
    pub appservices: AppServices,
}

impl Deref for App {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

impl App {
    /// Brings the database up to date and builds all services on the current runtime.
    ///
    /// Fails with [`Error::Unavailable`](crate::Error::Unavailable) while the database is away; it
    /// may be tried again then.
    pub async fn start(config: Config, storage: Storage, clock: Clock, metrics: Metrics) -> Result<Self> {
        Self::build_or_stop(config, storage, clock, metrics, Tasks::default()).await
    }

    /// The same for a command that an operator runs, beside a server or without one: without the
    /// duties of a server.
    pub async fn start_for_command(config: Config, storage: Storage) -> Result<Self> {
        Self::build_or_stop(config, storage, Clock::default(), Metrics::default(), Tasks::for_command()).await
    }

    async fn build_or_stop(
        config: Config,
        storage: Storage,
        clock: Clock,
        metrics: Metrics,
        tasks: Tasks,
    ) -> Result<Self> {
        let built = Self::build(config, storage, clock, metrics, &tasks).await;
        if built.is_err() {
            tasks.stop().await;
        }
        built
    }

    async fn build(config: Config, storage: Storage, clock: Clock, metrics: Metrics, tasks: &Tasks) -> Result<Self> {
        let server_name = config.server.name.clone();
        let secrets = Secrets::of(&config)?;
        migrations::run(&storage).await?;

        let mut conn = storage.conn().await?;
        let fresh = signing::generate(&secrets);
        let sealed = settings::find_or_insert(&mut conn, signing::SETTING, &fresh, clock.now_ms()).await?;
        let signing = SigningKey::open(&sealed, &secrets, server_name.clone())
            .with_context(|| format!("the keys in {} are not those of this database", secrets::source(&config)))?;
        let tail = Tail::new(log::head(&mut conn).await?, Bus::default());
        drop(conn);

        let log = storage::log::Log::start(storage.clone(), tasks, tail.clone(), metrics.clone());
        secrets.watch(tasks);
        let audit = Audit::start(audit::Parts {
            storage: storage.clone(),
            secrets: secrets.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            tasks,
            rules: config.audit.clone(),
        });
        let mail = Mail::start(mail::Parts {
            storage: storage.clone(),
            secrets: secrets.clone(),
            clock: clock.clone(),
            tasks,
            server_name: server_name.clone(),
            rules: &config.mail,
        })?;
        let access = Access::start(
            &config.rate_limits,
            &config.access,
            storage.clone(),
            secrets.clone(),
            audit.clone(),
            clock.clone(),
            tasks,
        )
        .await?;
        let accounts = Accounts::new(accounts::Parts {
            storage: storage.clone(),
            secrets: secrets.clone(),
            clock: clock.clone(),
            log: log.clone(),
            tail: tail.clone(),
            metrics: metrics.clone(),
            tasks,
            audit: audit.clone(),
            mail: mail.clone(),
            mail_rules: &config.mail,
            base_url: config.base_url(),
            access: &access,
            server_name: server_name.clone(),
            registration: &config.registration,
            registration_secret: Hidden::from(secrets::files::word(&config.registration_secret_file())?.to_string()),
            passwords: &config.passwords,
            captcha: CaptchaClient::new(&config)?.and_then(|client| Captcha::new(&config.captcha, Arc::new(client))),
            terms: &config.terms,
            login: &config.login,
            identity_providers: &config.identity_providers,
            account_page: config.account_page(),
            oauth_base: config.oauth_base(),
            oauth: &config.oauth,
            sessions: &config.sessions,
            may_impersonate: config.access.impersonation,
            appservices: Registrations::load(&config.appservice_registrations(), &server_name)?,
        })?;
        accounts.registration.create_senders().await?;
        let identity_providers = IdentityProviders::new(
            &config,
            storage.clone(),
            secrets.clone(),
            clock.clone(),
            audit.clone(),
            accounts.identities.clone(),
        )?;
        let appservice_client =
            AppServiceClient::new(&config.outgoing, &config.appservices, accounts.appservices.clone())?;
        let devices = Devices::new(storage.clone(), secrets.clone(), clock.clone(), &accounts);
        let keys = Keys::new(storage.clone(), log.clone(), clock.clone(), server_name.clone());
        let to_device = ToDevice::new(storage.clone(), log.clone(), tail.clone(), clock.clone(), server_name.clone());
        let backups = Backups::new(storage.clone(), clock.clone());
        housekeeping::start(storage.clone(), clock.clone(), tasks);
        let store = Store::open(&config.media_directory())?;
        let media =
            Media::new(storage.clone(), store, tail.bus().clone(), clock.clone(), server_name, config.media.clone());
        media.start_sweeping(tasks);
        let previews = Previews::new(media.clone(), Outgoing::new(&config.outgoing)?, clock.clone());
        let rooms = Rooms::new(
            storage.clone(),
            log.clone(),
            tail.clone(),
            signing.clone(),
            clock.clone(),
            config.rooms.default_version.clone(),
            accounts.ignored.clone(),
        );
        let nudges = Nudges::start(tail.bus().clone(), tasks);
        let counter = Counter::new(clock.clone());
        let receipts = Receipts::new(storage.clone(), log.clone(), rooms.clone(), clock.clone(), nudges.clone());
        let presence = Presence::start(
            config.presence.enabled,
            storage.clone(),
            rooms.clone(),
            clock.clone(),
            (counter.clone(), nudges.clone()),
            tasks,
        );
        let typing = Typing::start(rooms.clone(), clock.clone(), counter, nudges, tasks);
        let judge = Judge::new(rooms.clone(), accounts.push_rules.clone(), accounts.ignored.clone());
        let unread = Unread::start(storage.clone(), rooms.clone(), tail.clone(), judge.clone(), tasks);
        let push = Push::start(push::Parts {
            storage: storage.clone(),
            secrets: secrets.clone(),
            clock: clock.clone(),
            tail: tail.clone(),
            tasks,
            outgoing: Outgoing::new(&config.outgoing)?,
            rooms: rooms.clone(),
            judge,
            unread: unread.clone(),
            rules: config.push,
        });
        let directory =
            Directory::new(storage.clone(), rooms.clone(), tail.clone(), clock.clone(), appservice_client.clone());
        directory.start(tasks);
        let admission = Admission::new(access.clone(), rooms.clone(), clock.clone());
        let memberships = Memberships::new(
            storage.clone(),
            rooms.clone(),
            admission.clone(),
            accounts.account_data.clone(),
            appservice_client.clone(),
        );
        memberships.start(&accounts.administration, tasks);
        let creations = Creations::new(rooms.clone(), admission.clone(), directory.clone(), memberships.clone());
        let posting = Posting::new(rooms.clone(), admission.clone(), directory.clone(), memberships.clone());
        let reading = Reading::new(storage.clone(), tail.clone(), rooms.clone(), clock.clone());
        let reports = Reports::new(storage.clone(), rooms.clone(), clock.clone());
        let oversight = Oversight::new(
            storage.clone(),
            clock.clone(),
            access.clone(),
            accounts.clone(),
            devices.clone(),
            (rooms.clone(), admission.clone(), audit.clone()),
            &config,
        );
        let moderation = Moderation::start(
            moderation::Parts {
                storage: storage.clone(),
                clock: clock.clone(),
                audit: audit.clone(),
                access: access.clone(),
                accounts: accounts.clone(),
                devices: devices.clone(),
                rooms: rooms.clone(),
                directory: directory.clone(),
                memberships: memberships.clone(),
                creations: creations.clone(),
                reading: reading.clone(),
                media: media.clone(),
                notices: config.server_notices.clone(),
            },
            tasks,
        );
        let search = Search::start(storage.clone(), tail.clone(), rooms.clone(), reading.clone(), tasks);
        let sync = Sync::new(sync::Sources {
            storage: storage.clone(),
            tail: tail.clone(),
            rooms: rooms.clone(),
            clock: clock.clone(),
            filters: accounts.filters.clone(),
            invitations: accounts.invitations.clone(),
            push_rules: accounts.push_rules.clone(),
            keys: keys.clone(),
            to_device: to_device.clone(),
            receipts: receipts.clone(),
            typing: typing.clone(),
            presence: presence.clone(),
            unread: unread.clone(),
            reading: reading.clone(),
        });
        sync::wake_sharers(&tail, &rooms, tasks);
        let appservices = AppServices::start(
            &appservices::Sources {
                storage: storage.clone(),
                clock: clock.clone(),
                tail: tail.clone(),
                rooms: rooms.clone(),
                typing: typing.clone(),
                presence: presence.clone(),
                keys: keys.clone(),
                client: appservice_client,
            },
            tasks,
        );

        Ok(Self(Arc::new(Services {
            config,
            runtime: Handle::current(),
            clock,
            metrics,
            tasks: tasks.clone(),
            storage,
            tail,
            log,
            signing,
            secrets,
            audit,
            mail,
            access,
            accounts,
            identity_providers,
            devices,
            keys,
            to_device,
            backups,
            media,
            previews,
            rooms,
            receipts,
            typing,
            presence,
            unread,
            push,
            directory,
            memberships,
            creations,
            posting,
            reading,
            search,
            reports,
            oversight,
            moderation,
            sync,
            appservices,
        })))
    }

    /// Ends the tasks, then closes the database.
    pub async fn stop(&self) {
        self.tasks.stop().await;
        self.storage.close().await;
    }
}
