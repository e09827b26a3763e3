//! Secrets: where they come from, and that they are never seen.

use std::{fs, os::unix::fs::PermissionsExt};

use super::*;

/// Places where somebody may write a password, although it does not belong there.
const MISPLACED: [&str; 22] = [
    "sap: { login: { basic: { user: 'a:hunter2' } } }",
    "answers: jtell # was hunter2",
    "sap: { url: 'a # b' } # hunter2",
    "sap: { login: hunter2 }",
    "sap: { login: { basic: hunter2 } }",
    "sap: { login: { basic: { user: a, password: hunter2 } } }",
    "sap: { login: { basic: { user: [hunter2], password: [hunter2] } } }",
    "sap: { login: { basic: { user: a, password: { envv: hunter2 } } } }",
    "sap: { login: { basic: { user: a, password: { env: hunter2 } } } }",
    "sap: { login: { basic: { user: a, passwort: hunter2 } } }",
    "sap: { login: { headers: { APIKey: hunter2 } } }",
    "sap: { login: { headers: [hunter2] } }",
    "sap: { url: 'https://user:hunter2@sap.example', login: none }",
    "sap: 'https://user:hunter2@sap.example'",
    "sap: { password: hunter2 }",
    "traces: { otlp: { url: 'https://user:hunter2@otlp.example/v1/traces' } }",
    "traces: { otlp: { url: 'https://otlp.example/v1/traces', headers: { api-key: hunter2 } } }",
    "traces: { otlp: { headers: [hunter2] } }",
    "password: hunter2",
    "clients: [{ name: jtel, secrets: [hunter2] }, { name: jtel, secrets: hunter2 }, hunter2]",
    "sap:\n  login:\n    basic:\n      user: a\n      password: |\n        hunter2\n        hunter2\n",
    "sap:\n  login: { basic: { user: a, password: hunter2 } }\n  login: { basic: { password: hunter2 } }",
];

#[test]
fn a_misplaced_secret_is_found_and_never_shown() {
    for text in MISPLACED {
        let findings = parsed(text).unwrap_err();

        for told in [findings.to_string(), format!("{findings:?}"), findings.report(true, "x")] {
            assert!(!told.contains("hunter"), "{text}\n{told}");
        }
    }
}

#[test]
fn a_secret_in_a_file_that_is_no_yaml_is_never_shown() {
    for text in MISPLACED {
        for broken in ["\n\t- ]", ": : [", "\n  \"", "\n\ta: b"] {
            let text = format!("{text}{broken}");
            let Err(findings) = parsed(&text) else { panic!("{text}") };

            assert!(!findings.to_string().contains("hunter"), "{text}\n{findings}");
        }
        let text = text.replace(['}', ']', '\''], "");
        assert!(!parsed(&text).unwrap_err().to_string().contains("hunter"), "{text}");
    }
}

#[test]
fn a_misplaced_secret_is_not_in_what_is_shown_as_in_force() {
    for text in MISPLACED {
        if let Ok(all) = show(text, "config.yaml") {
            assert!(!all.contains("hunter"), "{text}\n{all}");
        }
    }
}

#[test]
fn a_secret_is_taken_from_the_environment() {
    let config = parsed(&filled_in()).unwrap();

    let Login::Basic { user, password } = &config.systems.first().login else {
        panic!("{config:?}")
    };
    assert_eq!((user.as_str(), password.expose()), ("DIALGATE", SECRET));
    assert!(!format!("{config:?}").contains(SECRET));
}

#[test]
fn a_secret_that_is_not_in_the_environment_is_a_finding() {
    for (environment, told) in [
        (Environment::of([]), "the environment variable SAP_PASSWORD is not set"),
        (Environment::of([("SAP_PASSWORD", "")]), "the environment variable SAP_PASSWORD is empty"),
    ] {
        let findings =
            parse(&filled_in(), "c", Path::new(""), &environment, |_, _| {}).unwrap_err();
        assert!(findings.to_string().contains(told), "{findings}");
    }
}

#[test]
fn a_secret_is_taken_from_a_file_without_the_line_break_at_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    let text = with(&[("sap.login.basic.password", "{ file: password }")]);
    for (content, secret) in [("a b", "a b"), ("a b\n", "a b"), ("a b\r\n", "a b"), ("a\n\n", "a")]
    {
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();

        let config = parsed_in(&text, directory.path()).unwrap();

        let Login::Basic { password, .. } = config.systems.first().login.clone() else { panic!() };
        assert_eq!(password.expose(), secret);
    }
}

#[test]
fn a_secret_file_that_cannot_be_used_is_a_finding() {
    let directory = tempfile::tempdir().unwrap();
    for (name, content, mode) in
        [("empty", "\n", 0o600), ("open", SECRET, 0o644), ("long", &"x".repeat(70_000), 0o600)]
    {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    for (file, told) in [
        ("none", "none cannot be read: no such file or directory"),
        ("empty", "empty is empty"),
        ("open", "open can be read by everybody on this machine (mode 644); run `chmod o= open`"),
        ("long", "long is too long for a secret"),
        (".", ". is not a file"),
    ] {
        let text = with(&[("sap.login.basic.password", &format!("{{ file: {file} }}"))]);
        let findings = parsed_in(&text, directory.path()).unwrap_err();
        assert!(findings.to_string().contains(told), "{findings}");
        assert!(findings.to_string().contains("sap.login.basic.password.file: "), "{findings}");
        assert!(!findings.to_string().contains(SECRET), "{findings}");
    }
}

#[test]
fn headers_carry_secrets_and_are_none_of_our_own() {
    let login = |name: &str| {
        with(&[("sap.login", &format!("{{ headers: {{ {name}: {{ env: SAP_API_KEY }} }} }}"))])
    };

    let config = parsed(&login("APIKey")).unwrap();

    let Login::Headers(headers) = config.systems.first().login.clone() else { panic!() };
    assert_eq!((headers[0].0.as_str(), headers[0].1.expose()), ("apikey", "key"));
    assert!(only(&login("Host")).contains("is a header that dialgate sets itself"));
    assert!(only(&login("API Key")).contains("is not the name of a header"));
}

#[test]
fn a_hash_is_read_as_it_is_written_and_says_nothing_in_a_log() {
    let hash = SecretHash::of(b"abc");
    let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    assert_eq!(hash.to_string(), text);
    assert_eq!(SecretHash::parse(text), Ok(hash));
    assert_eq!(SecretHash::parse(&text.to_uppercase().replace("SHA", "sha")), Ok(hash));
    assert_eq!(format!("{hash:?}"), "sha256:***");
    assert!(hash.matches(b"abc") && !hash.matches(b"abd") && !hash.matches(b""));
    for wrong in
        ["", "sha256:", &text[..70], &format!("{text}00"), &text.replace("ba7", "bä"), "hunter2"]
    {
        assert_eq!(SecretHash::parse(wrong), Err(SecretHashError), "{wrong:?}");
    }
}

#[test]
fn a_secret_is_taken_from_the_credentials_of_systemd() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sap");
    fs::write(&file, SECRET).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    let folder = directory.path().to_str().unwrap();
    let read = |name: &str, environment: &Environment| {
        let text = with(&[("sap.login.basic.password", &format!("{{ credential: {name} }}"))]);
        parse(&text, "c", Path::new(""), environment, |_, _| {})
    };
    let given = Environment::of([("CREDENTIALS_DIRECTORY", folder)]);

    let config = read("sap", &given).unwrap();

    let Login::Basic { password, .. } = config.systems.first().login.clone() else { panic!() };
    assert_eq!(password.expose(), SECRET);
    for (name, environment, told) in [
        ("none", &given, "the credential none cannot be read"),
        ("../sap", &given, "is not the name of a credential"),
        ("sap", &Environment::of([]), "LoadCredential=sap:"),
    ] {
        let findings = read(name, environment).unwrap_err().to_string();
        assert!(findings.contains(told), "{findings}");
    }
}

#[test]
fn a_client_is_told_what_its_way_of_proving_itself_needs() {
    let oauth = |more: &str| {
        let login =
            format!("{{ oauth2: {{ token_url: 'https://t.example', client_id: gw, {more} }} }}");
        told(&with(&[("sap.login", &login)])).join("\n")
    };
    assert_eq!(oauth("client_secret: { env: SAP_API_KEY }"), "");
    assert_eq!(oauth("client_authentication: private_key_jwt, key: k.pem"), "");
    assert!(oauth("client_authentication: post").contains("oauth2.client_secret: is missing"));
    assert!(
        oauth("client_authentication: certificate, key: k").contains("certificate: is missing")
    );
    let both = oauth("client_secret: { env: SAP_API_KEY }, key: k.pem");
    assert!(both.contains("oauth2.key: is not used by this client_authentication"), "{both}");
    let ours = oauth("client_secret: { env: SAP_API_KEY }, parameters: { grant_type: x }");
    assert!(ours.contains("is a field that dialgate sets itself"), "{ours}");
}

#[test]
fn a_line_end_around_a_secret_is_dropped_with_a_note() {
    let around = |text| {
        let environment = Environment::of([("SAP_PASSWORD", text)]);
        parse(&filled_in(), "config.yaml", Path::new(""), &environment, |_, _| {}).unwrap()
    };

    for text in ["hunter2\n", "hunter2\r\n", "\u{feff}hunter2"] {
        let config = around(text);
        let Login::Basic { password, .. } = &config.systems.first().login else {
            panic!("{config:?}")
        };
        assert_eq!(password.expose(), SECRET);
        let [note] = config.notes.as_slice() else { panic!("{:?}", config.notes) };
        assert!(
            note.contains("sap.login.basic.password.env: has a line end or a byte order"),
            "{note}"
        );
        assert!(!note.contains("hunter"), "{note}");
    }
    assert_eq!(around("hunter2").notes, Vec::<String>::new());
}
