//! Emergency numbers, as libphonenumber knows them: its Python library has those of every country.

use std::{env, fmt::Write as _, path::PathBuf, process::Stdio};

use dialgate::domain::{DialledNumber, Home, NeverDialled};
use tokio::{io::AsyncWriteExt, process::Command};

use crate::support::program::{run, stderr, stdout};

const TABLE: &str = include_str!("../../src/domain/plan/emergency.txt");

fn script(mode: &str) -> Command {
    let python = env::var_os("DIALGATE_TEST_SHORT_NUMBERS").map(PathBuf::from);
    let python = python.expect("start the tests with tests/run: it installs phonenumbers");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/short-numbers/emergency.py");
    let mut command = Command::new(python.join("bin/python"));
    command.arg(script).arg(mode);
    command
}

#[tokio::test]
async fn the_table_of_emergency_numbers_is_that_of_libphonenumber() {
    let made = run(&mut script("table")).await;

    assert!(stdout(&made) == TABLE, "make it again: emergency.py table\n{}", stderr(&made));
}

#[tokio::test]
async fn whatever_libphonenumber_connects_to_an_emergency_service_is_never_dialled() {
    let rule = NeverDialled { emergency: true, ..NeverDialled::default() };
    let lines = TABLE.lines().filter_map(|line| line.split_once(' '));
    let texts: Vec<(&str, String)> = lines
        .flat_map(|(country, numbers)| {
            let endings = ["", "0", "5", "12", "345", "1234567", "23456789", "9876543210"];
            numbers.split(' ').flat_map(move |number| {
                endings.map(|ending| (country, format!("{number}{ending}")))
            })
        })
        .collect();
    let mut asked = String::new();
    for (country, digits) in &texts {
        writeln!(asked, "{country} {digits}").unwrap();
    }
    let mut judge = script("connects")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut input = judge.stdin.take().unwrap();
    let writing = tokio::spawn(async move { input.write_all(asked.as_bytes()).await });
    let judged = judge.wait_with_output().await.unwrap();
    writing.await.unwrap().unwrap();
    let verdicts: Vec<_> = stdout(&judged).lines().map(str::to_owned).collect();

    assert_eq!(verdicts.len(), texts.len());
    let (mut refused, mut dialled) = (0, Vec::new());
    for ((country, digits), verdict) in texts.iter().zip(&verdicts) {
        let number = DialledNumber::parse(digits, Home::parse(country).unwrap());
        let is_refused = number.map_or(true, |number| rule.contain(&number));
        if verdict == "emergency" {
            refused += 1;
            dialled.extend((!is_refused).then(|| format!("{country} {digits}")));
        }
    }
    assert!(dialled.is_empty(), "{dialled:?}");
    assert!(refused > 5000, "{refused} of {}", texts.len());
}
