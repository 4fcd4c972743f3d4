//! The schema is brought up to date whatever happened the last time.

use homeserver::{
    config::Hidden,
    storage::{Address, Storage, migrations},
};
use homeserver_testing::TestDatabase;
use sqlx::{Connection, MySqlConnection};

/// MySQL cannot undo half a migration, so each of them must be one that can be repeated.
#[tokio::test(flavor = "multi_thread")]
async fn migrations_that_were_cut_short_are_repeated() {
    let database = TestDatabase::create().await;
    let mut conn = MySqlConnection::connect(&database.url()).await.expect("the database is there");
    sqlx::raw_sql(
        "update _sqlx_migrations set success = false;
         insert into leases (name, owner, epoch, expires_at) values ('migrations', 'somebody who died', 1, 1)",
    )
    .execute(&mut conn)
    .await
    .expect("a death can be feigned");

    let storage = Storage::open(&Address::Url(Hidden::from(database.url())), 2).expect("the URL is valid");
    migrations::run(&storage).await.expect("all migrations can be repeated");

    let unfinished: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations where success = false")
        .fetch_one(&mut conn)
        .await
        .expect("the table is there");
    let leases: i64 =
        sqlx::query_scalar("select count(*) from leases").fetch_one(&mut conn).await.expect("the table is there");
    assert_eq!((unfinished, leases), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_refused() {
    let database = TestDatabase::create().await;
    let mut conn = MySqlConnection::connect(&database.url()).await.expect("the database is there");
    sqlx::raw_sql(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (9999, 'from the future', true, '', 0)",
    )
    .execute(&mut conn)
    .await
    .expect("it can be feigned");

    let storage = Storage::open(&Address::Url(Hidden::from(database.url())), 2).expect("the URL is valid");
    let refusal = migrations::run(&storage).await.expect_err("this version does not know that one");

    assert!(format!("{refusal:#}").contains("migration 9999"), "{refusal:#}");
}
