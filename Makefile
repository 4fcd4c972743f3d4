# make run         build and run the server and its moderation in the foreground; data stays in ./data
# make test        all tests, those with real clients too
# make test-mysql  the tests over HTTP once more on MySQL 8, which is fetched for it, instead of MariaDB
# make bench       what the server can do on this machine, as tables; takes some minutes
# make interop     scenarios with the engine of Element X, which takes minutes to build at first
# make check       what has to hold before a commit: format, lints, SQL metadata, documentation links

.PHONY: run test test-mysql bench interop check

# What the server needs besides Rust, and the tests besides that: program:package.
packages = cc:build-essential mariadbd:mariadb-server-core mariadb-upgrade:mariadb-server-core \
    mariadb-check:mariadb-client setpriv:util-linux

# Without a database the SQL macros take what they need from the directories .sqlx of the programs.
export SQLX_OFFLINE ?= true
unexport DATABASE_URL MODERATION_DATABASE_URL

target = $${CARGO_TARGET_DIR:-target}

# PROFILE=dev builds faster and runs slower.
PROFILE ?= release
built = $(target)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))

run: packages
	cargo build --profile $(PROFILE) --bin salon --bin salon-moderation
	@exec scripts/run "$(built)" $(ARGS)

test: packages
	cargo test --workspace
	tests/clients/nio/run "$(target)/debug/salon"
	tests/clients/mail/run "$(target)/debug/salon"
	tests/clients/js/run "$(target)/debug/salon"
	tests/clients/bridge/run "$(target)/debug/salon"
	tests/clients/synadm/run "$(target)/debug/salon"
	tests/clients/bots/run "$(target)/debug/salon"
	tests/clients/oidc/run "$(target)/debug/salon"

test-mysql: packages
	scripts/with-mysql cargo test --workspace --test it

# ARGS chooses: make bench ARGS="send fanout --seconds 30"
bench: packages
	cargo bench --bench load -- --markdown $(ARGS)
	cargo bench --bench access -- --markdown
	cargo bench --bench state -- --markdown

interop: packages
	cargo build --bin salon
	tests/interop/run "$(target)/debug/salon"

check: packages
	cargo fmt --all --check
	cargo fmt --manifest-path tests/interop/Cargo.toml --check
	cargo clippy --workspace --all-targets -- -D warnings
	scripts/prepare-sqlx --check
	cargo test --workspace --test architecture
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items

.PHONY: packages
packages:
	@command -v cargo > /dev/null || { echo "Please install Rust 1.95 or newer: https://rustup.rs" >&2; exit 1; }
	@scripts/install-packages $(packages)
