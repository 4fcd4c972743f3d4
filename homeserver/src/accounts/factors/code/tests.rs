//! Tests of what is read as a code.

use super::*;

#[test]
fn codes_are_read_however_they_are_typed() {
    let app = |digits: &str| Some(Code::App(digits.to_owned()));
    let recovery = |code: &str| Some(Code::Recovery(code.to_owned()));

    assert_eq!(Code::parse("123456"), app("123456"));
    assert_eq!(Code::parse(" 123 456\n"), app("123456"));
    assert_eq!(Code::parse("ABCD-EFGH-JKMN-PQRS"), recovery("ABCDEFGHJKMNPQRS"));
    assert_eq!(Code::parse("abcd efgh jkmn pqrs"), recovery("ABCDEFGHJKMNPQRS"));
    assert_eq!(Code::parse("OoIi-Ll00-0000-0000"), recovery("0011110000000000"));
}

#[test]
fn what_is_no_code_is_not_read_as_one() {
    for text in ["", "12345", "1234567", "12345a", "１２３４５６", "ABCD-EFGH-JKMN-PQR", "ABCD-EFGH-JKMN-PQRU", "*"]
    {
        assert_eq!(Code::parse(text), None, "{text}");
    }
}

#[test]
fn a_recovery_code_is_shown_in_groups_and_read_back() {
    let shown = grouped("0123456789ABCDEF");

    assert_eq!(shown, "0123-4567-89AB-CDEF");
    assert_eq!(Code::parse(&shown), Some(Code::Recovery("0123456789ABCDEF".to_owned())));
}

#[test]
fn a_code_is_split_from_the_password_before_it() {
    assert_eq!(split("secret123456"), Some(("secret", "123456")));
    assert_eq!(split("99999123456"), Some(("99999", "123456")));
    assert_eq!(split("größe123456"), Some(("größe", "123456")));
    assert_eq!(split("two words ABCD-EFGH-JKMN-PQRS"), Some(("two words", "ABCD-EFGH-JKMN-PQRS")));
    assert_eq!(split("secret 0000-0000-0012-3456"), Some(("secret", "0000-0000-0012-3456")));
}

#[test]
fn a_password_without_a_code_is_not_split() {
    for text in ["", "123456", "secret", "secret12345", "123456é", "é23456", " ABCD-EFGH-JKMN-PQRS"] {
        assert_eq!(split(text), None, "{text}");
    }
}
