//! The trail as a whole: what is written is found whole, and what is changed is found.

mod any;

use std::{
    fs,
    io::Cursor,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use prometheus::Registry;
use tempfile::TempDir;

use super::*;
use crate::config::PersonalData;

struct Said(&'static str);

impl Entry for Said {
    fn at(&self) -> Moment {
        Moment::now()
    }

    fn kind(&self) -> &'static str {
        "said"
    }

    fn render(&self, line: &mut Object<'_>, pseudonyms: &Pseudonyms) {
        line.text("partner", pseudonyms.of(PersonalKind::Partner, self.0).as_deref());
    }
}

struct Place {
    folder: TempDir,
    audit: Audit,
    made: Made,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit {
            folder: folder.path().join("trail"),
            keys: folder.path().join("keys"),
            when_unwritable: WhenUnwritable::Refuse,
            checkpoint_every: Duration::from_mins(5),
            rotate_bytes: 1 << 20,
            keep_days: None,
            anchors: Vec::new(),
        };
        fs::create_dir(&audit.folder).unwrap();
        let made = Keys::make(&audit.keys).unwrap();
        Self { folder, audit, made }
    }

    fn try_open(&self) -> Result<(Trail<Said>, Checkpoints), TrailError> {
        let privacy = Privacy {
            partner: PersonalData::Pseudonym,
            number: PersonalData::Absent,
            rotate_days: 30,
            keep_epochs: 12,
        };
        let metrics = Arc::new(AuditMetrics::new(&Registry::new()).unwrap());
        Trail::open(&self.audit, &privacy, metrics, "c0ffee".to_owned(), "one")
    }

    fn open(&self) -> Trail<Said> {
        self.try_open().unwrap_or_else(|error| panic!("{error:?}")).0
    }

    /// Writes so many records and ends, three times.
    fn written(&self, records: usize) {
        for _ in 0..3 {
            let trail = self.open();
            for _ in 0..records {
                trail.record(Said("1001910"), true);
            }
            assert_eq!(trail.close(Duration::from_secs(20)), 0);
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        files_of(&self.audit.folder).unwrap()
    }

    fn verifier(&self, anchors: Anchors) -> Verifier {
        Verifier::new(Some(self.made.public), first_mac_key(&self.made.first_mac_key), anchors)
    }

    fn report(&self) -> Report {
        let mut verifier = self.verifier(Anchors::default());
        for file in self.files() {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            verifier.file(&name, Cursor::new(fs::read(file).unwrap())).unwrap();
        }
        verifier.finish()
    }

    /// With the public key alone.
    fn found(&self, text: &[u8]) -> Vec<Finding> {
        let mut verifier = Verifier::new(Some(self.made.public), None, Anchors::default());
        verifier.file("trail", Cursor::new(text)).unwrap();
        verifier.finish().findings
    }
}

fn lines(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap().lines().map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_trail_goes_on_after_each_start_and_is_whole() {
    let place = Place::new();

    place.written(5);

    let report = place.report();
    assert_eq!(report.findings, []);
    // A file and a key once; a beginning, five records and a checkpoint each time.
    assert_eq!((report.records, report.first, report.last), (2 + 3 * 7, Some(1), Some(23)));
    assert_eq!((report.checkpoints, report.unsigned, report.missed), (3, 0, 0));
    let mode = fs::metadata(&place.files()[0]).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(&place.files()[0]).unwrap();
    assert!(!text.contains("1001910") && text.contains("\"partner\":\"1:"), "{text}");
}

#[test]
fn files_follow_each_other_without_a_gap_and_each_can_be_checked_by_itself() {
    let mut place = Place::new();
    place.audit.rotate_bytes = 2000;

    place.written(50);

    let files = place.files();
    assert!(files.len() >= 3, "{files:?}");
    assert_eq!(place.report().findings, []);
    // The second alone: what is before it is missing, and nothing else.
    let mut verifier = place.verifier(Anchors::default());
    verifier.file("second", Cursor::new(fs::read(&files[1]).unwrap())).unwrap();
    let findings = verifier.finish().findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].what.ends_with("are missing, and no record says why"), "{findings:?}");
    // One that is left out.
    fs::remove_file(&files[1]).unwrap();
    let findings = place.report().findings;
    assert!(findings[0].what.contains("are missing before it"), "{findings:?}");
}

#[test]
fn old_files_are_removed_and_the_trail_says_so() {
    let mut place = Place::new();
    place.audit.rotate_bytes = 2000;
    place.written(30);
    let files = place.files();
    let long_ago = std::time::SystemTime::UNIX_EPOCH + Duration::from_hours(24);
    fs::File::options().append(true).open(&files[0]).unwrap().set_modified(long_ago).unwrap();
    place.audit.keep_days = Some(2);

    place.remove_old_now();

    assert!(!files[0].exists() && files[1].exists());
    let report = place.report();
    assert_eq!(report.findings, []);
    assert!(report.first > Some(1));
}

impl Place {
    fn remove_old_now(&self) {
        let shared = Arc::new(Shared::<Said>::new(
            Arc::new(AuditMetrics::new(&Registry::new()).unwrap()),
            true,
            String::new(),
        ));
        let privacy = Privacy {
            partner: PersonalData::Absent,
            number: PersonalData::Absent,
            rotate_days: 30,
            keep_epochs: 12,
        };
        let (checkpoints, _taken) = watch::channel(None);
        let mut writer = Writer::open(shared, &self.audit, &privacy, "one", checkpoints).unwrap();
        assert!(writer.remove_old().is_ok());
    }
}

#[test]
fn a_line_that_was_torn_is_cut_off_and_the_trail_says_so() {
    let place = Place::new();
    place.written(2);
    let file = place.files()[0].clone();
    let mut text = fs::read(&file).unwrap();
    text.extend_from_slice(b"{\"seq\":15,\"at\":\"20");
    fs::write(&file, &text).unwrap();

    place.written(0);

    assert_eq!(place.report().findings, []);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(r#""kind":"recovered""#) && text.contains(r#""bytes":"18""#), "{text}");
}

#[test]
fn a_file_that_was_begun_and_has_no_line_is_begun_again() {
    let place = Place::new();
    place.written(2);
    fs::write(place.audit.folder.join("trail-000000000099.jsonl"), "{\"se").unwrap();

    place.written(1);

    assert_eq!(place.report().findings, []);
    assert_eq!(place.files().len(), 1);
}

#[test]
fn a_trail_whose_end_is_not_what_was_written_does_not_go_on() {
    let place = Place::new();
    place.written(2);
    let file = place.files()[0].clone();
    let whole = lines(&file);
    let last = whole.len() - 1;
    let write = |lines: &[String]| fs::write(&file, lines.concat()).unwrap();

    let mut changed = whole.clone();
    changed[last] = changed[last].replace("\"kind\":\"checkpoint\"", "\"kind\":\"checkpoinT\"");
    write(&changed);
    assert!(
        matches!(place.try_open(), Err(TrailError::Broken { line, .. }) if line == last as u64 + 1)
    );

    // Up to the checkpoint before: all of it is as it was written, and the key knows better.
    let before = whole.iter().rposition(|line| line.contains("\"begun\"")).unwrap();
    write(&whole[..before]);
    let error = place.try_open().err().unwrap();
    assert!(matches!(error, TrailError::Short { has: 2, signed: 3, .. }), "{error:?}");
    fs::remove_file(&file).unwrap();
    assert!(matches!(place.try_open(), Err(TrailError::Short { has: 0, signed: 3, .. })));

    write(&whole);
    let _taken = place.open();
    assert!(matches!(place.try_open(), Err(TrailError::Taken(_))));
    assert!(place.folder.path().exists());
}

#[test]
fn whoever_takes_the_signing_key_later_cannot_make_what_was_written_before_anew() {
    let place = Place::new();
    place.written(3);
    let file = place.files()[0].clone();
    let whole = lines(&file);

    // All keys as they are now, and the trail made anew with them: hashes and signatures fit.
    let keys = Keys::open(&place.audit.keys).unwrap();
    let mut chain = chain::Chain { seq: 0, hash: chain::BEGINNING, key: keys.mac_key().unwrap() };
    let mut forged = Vec::new();
    for line in &whole {
        let begin = forged.len();
        let read = chain::Line::read(line.trim_end().as_bytes()).unwrap();
        let text = String::from_utf8(read.text.to_vec()).unwrap().replace("c0ffee", "c0ffe0");
        if read.kind == "checkpoint" {
            let head = text.find("\"head\":\"").unwrap() + 8;
            let mut text = text;
            text.replace_range(head..head + 64, &chain::hex(&chain.hash));
            let (text, _) = text.split_once(",\"signature\"").unwrap();
            let signature = chain::hex(&keys.sign(text.as_bytes()));
            forged.extend_from_slice(format!("{text},\"signature\":\"{signature}\"").as_bytes());
        } else {
            forged.extend_from_slice(text.as_bytes());
        }
        chain.seal(&mut forged, begin);
    }

    assert_eq!(place.found(&forged), [], "the public key alone shows nothing");
    fs::write(&file, forged).unwrap();
    let findings = place.report().findings;
    assert!(findings[0].what.contains("its MAC does not fit"), "{findings:?}");
}

#[test]
fn an_end_that_was_cut_off_is_found_by_what_the_second_place_has() {
    let place = Place::new();
    place.written(3);
    let file = place.files()[0].clone();
    let whole = lines(&file);
    let checkpoints: Vec<_> = whole.iter().filter(|line| line.contains("checkpoint")).collect();
    let kept = format!("<110>1 2026 - dialgate 7 checkpoint - {}other\n", checkpoints[2]);
    let anchors = || Anchors::read(Cursor::new(kept.as_bytes()), place.made.public).unwrap();
    assert_eq!((anchors().signed, anchors().others), (1, 1));
    let found = |lines: &[String]| {
        let mut verifier = place.verifier(anchors());
        verifier.file("trail", Cursor::new(lines.concat())).unwrap();
        verifier.finish().findings
    };

    assert_eq!(found(&whole), []);
    let findings = found(&whole[..whole.len() - 1]);
    assert_eq!(findings.len(), 1);
    assert!(findings[0].what.starts_with("the end is missing"), "{findings:?}");
}

#[tokio::test]
async fn while_the_folder_is_away_nothing_is_let_in_and_nothing_is_lost() {
    let place = Place::new();
    let (trail, _) = place.try_open().unwrap();
    let away = place.folder.path().join("away");
    fs::rename(&place.audit.folder, &away).unwrap();
    assert!(trail.lets_in());
    trail.record(Said("7"), true);
    while trail.lets_in() {
        tokio::task::yield_now().await;
    }
    assert!(trail.why_not().unwrap().contains("No such file"));

    fs::rename(&away, &place.audit.folder).unwrap();
    while !trail.lets_in() {
        tokio::task::yield_now().await;
    }
    trail.close(Duration::from_secs(20));

    let report = place.report();
    assert_eq!((report.findings, report.records), (vec![], 5));
}

#[test]
fn what_has_no_place_is_counted_in_the_trail() {
    let mut place = Place::new();
    place.audit.when_unwritable = WhenUnwritable::Continue;
    let trail = place.open();
    let away = place.folder.path().join("away");
    fs::rename(&place.audit.folder, &away).unwrap();

    for _ in 0..30_000 {
        trail.record(Said("7"), true);
    }
    assert!(trail.lets_in());
    fs::rename(&away, &place.audit.folder).unwrap();
    assert_eq!(trail.close(Duration::from_secs(30)), 0);

    let report = place.report();
    assert_eq!(report.findings, []);
    assert!(report.missed > 0);
    // A file, a key, a beginning, one gap or more, a checkpoint.
    assert!(report.records + report.missed >= 30_005, "{report:?}");
}
