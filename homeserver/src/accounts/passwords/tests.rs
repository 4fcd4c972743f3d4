//! Tests of password hashing.

use ruma::user_id;

use super::*;

fn passwords(memory_kib: u32) -> Passwords {
    let config = Config { memory_kib, passes: 1, minimum_strength: Some(0), ..Config::default() };
    Passwords::new(&config).expect("the parameters are possible")
}

#[tokio::test]
async fn a_password_is_recognised_and_others_are_not() {
    let passwords = passwords(64);
    let hash = passwords.hash("correct horse").await.expect("it is hashed");

    assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
    assert_eq!(passwords.check("correct horse", Some(&hash)).await.expect("checked"), Verdict::Right);
    assert_eq!(passwords.check("battery staple", Some(&hash)).await.expect("checked"), Verdict::Wrong);
    assert_eq!(passwords.check("correct horse", None).await.expect("checked"), Verdict::Wrong);
}

#[tokio::test]
async fn a_hash_of_other_parameters_is_outdated() {
    let hash = passwords(64).hash("correct horse").await.expect("it is hashed");

    let verdict = passwords(128).check("correct horse", Some(&hash)).await.expect("checked");

    assert_eq!(verdict, Verdict::RightButOutdated);
}

#[tokio::test]
async fn short_and_endless_passwords_are_refused() {
    let passwords = passwords(64);
    let refusal = |password: String| {
        let passwords = passwords.clone();
        async move { passwords.check_new(&password, user_id!("@alice:example.org")).await }
    };

    refusal("seven77".to_owned()).await.expect_err("too short");
    refusal("x".repeat(LONGEST + 1)).await.expect_err("too long");
    refusal("übermäßig".to_owned()).await.expect("nine characters");
}

#[tokio::test]
async fn passwords_that_are_easy_to_guess_are_refused() {
    let alice = user_id!("@alice.liddell:wonderland.example");
    let passwords = Passwords::new(&Config { minimum_strength: Some(2), ..Config::default() }).expect("possible");

    for weak in ["password", "qwertyuiop", "12345678", "alice.liddell", "wonderland.example", "aaaaaaaaaaaa"] {
        let refusal = passwords.check_new(weak, alice).await.expect_err(weak);
        assert!(matches!(refusal, Error::Refused { kind: ErrorKind::WeakPassword, .. }), "{refusal:?}");
    }
    for good in ["correct horse battery staple", "wIq83-mx0", "Mein Hund frisst Seife", "a long password"] {
        passwords.check_new(good, alice).await.expect(good);
    }
}

#[tokio::test]
async fn stolen_passwords_are_refused_however_strong() {
    let list = tempfile::NamedTempFile::new().expect("a file can be made");
    std::fs::write(list.path(), "some stolen words of somebody\n").expect("it can be written");
    let config = Config { breached_file: Some(list.path().to_owned()), ..Config::default() };
    let passwords = Passwords::new(&config).expect("possible");

    let stolen = passwords.check_new("some stolen words of somebody", user_id!("@alice:example.org")).await;
    let other = passwords.check_new("some other words of somebody", user_id!("@alice:example.org")).await;

    stolen.expect_err("it is in the list");
    other.expect("it is not");
}

#[test]
fn weak_passwords_are_for_those_who_want_short_ones() {
    let strength = |config: Config| config.minimum_strength();

    assert_eq!(strength(Config::default()), 2);
    assert_eq!(strength(Config { minimum_length: 4, ..Config::default() }), 0);
    assert_eq!(strength(Config { minimum_length: 4, minimum_strength: Some(1), ..Config::default() }), 1);
}

#[test]
fn impossible_parameters_are_refused() {
    let config = Config { memory_kib: 1, ..Config::default() };

    Passwords::new(&config).expect_err("Argon2 needs at least 8 KiB");
}
