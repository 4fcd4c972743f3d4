//! Tests of password hashing.

use super::*;

fn passwords(memory_kib: u32) -> Passwords {
    let config = Config { memory_kib, passes: 1, ..Config::default() };
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

#[test]
fn short_and_endless_passwords_are_refused() {
    let passwords = passwords(64);

    passwords.check_new("seven77").expect_err("too short");
    passwords.check_new(&"x".repeat(LONGEST + 1)).expect_err("too long");
    passwords.check_new("übermäßig").expect("nine characters");
}

#[test]
fn impossible_parameters_are_refused() {
    let config = Config { memory_kib: 1, ..Config::default() };

    Passwords::new(&config).expect_err("Argon2 needs at least 8 KiB");
}
