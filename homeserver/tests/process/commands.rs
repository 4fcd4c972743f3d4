//! The commands besides `serve`.

use crate::program::Place;

#[test]
fn a_wrong_option_is_one_line_and_exit_code_two() {
    let place = Place::new().with("SALON_SERVER__NAMES", "example.org");

    for arguments in [&["serve"] as &[&str], &["check-config"]] {
        let output = place.run(arguments);

        let complaint = String::from_utf8(output.stderr).expect("it is text");
        assert_eq!(output.status.code(), Some(2));
        assert!(complaint.starts_with("salon: SALON_SERVER__NAMES (server.names): there is no such option"));
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

#[test]
fn certificates_are_checked_with_the_configuration() {
    let place = Place::new()
        .with("SALON_LISTENERS__TLS", "127.0.0.1:0")
        .with("SALON_LISTENERS__CERTIFICATE", "/nowhere/certificate.pem")
        .with("SALON_LISTENERS__KEY", "/nowhere/key.pem");

    let output = place.run(&["check-config"]);

    let complaint = String::from_utf8(output.stderr).expect("it is text");
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint.starts_with("salon: listeners.certificate: /nowhere/certificate.pem is not usable"));
}

#[test]
fn the_version_is_told() {
    let output = Place::new().run(&["version"]);

    assert_eq!(String::from_utf8(output.stdout).expect("it is text"), format!("salon {}\n", env!("CARGO_PKG_VERSION")));
}
