//! What fuzzing begins with holds with every run of the tests: `fuzz/corpus`, and what each target promises.

use std::{collections::BTreeSet, fs, path::PathBuf};

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "they are public in the crate that fuzzes")]
mod promises;

/// Panics where a promise is broken.
type Holds = fn(&[u8]);

/// Each target by its name.
const TARGETS: [(&str, Holds); 14] = [
    ("audit", promises::audit::holds),
    ("config", promises::config::holds),
    ("dialect", promises::dialect::holds),
    ("drop_in", promises::drop_in::holds),
    ("headers", promises::headers::holds),
    ("numbers", promises::numbers::holds),
    ("odata", promises::odata::holds),
    ("origin", promises::origin::holds),
    ("proxied", promises::proxied::holds),
    ("query", promises::query::holds),
    ("reply", promises::reply::holds),
    ("service_numbers", promises::service_numbers::holds),
    ("snapshot", promises::snapshot::holds),
    ("wire", promises::wire::holds),
];

fn fuzz(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder)
}

/// The names in a folder, without what stands behind the dot.
fn names_in(folder: &str) -> BTreeSet<String> {
    fs::read_dir(fuzz(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

#[test]
fn whatever_fuzzing_begins_with_keeps_its_promise() {
    for (target, holds) in TARGETS {
        let corpus = format!("corpus/{target}");
        let names = names_in(&corpus);
        assert!(names.len() >= 4, "{target} begins with next to nothing");
        for name in names {
            let data = fs::read(fuzz(&corpus).join(&name)).unwrap();
            let kept = std::panic::catch_unwind(|| holds(&data));
            assert!(kept.is_ok(), "fuzz/corpus/{target}/{name} breaks its promise, see above");
        }
    }
}

#[test]
fn each_target_is_built_has_a_corpus_and_is_tried_here() {
    let here: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let manifest = fs::read_to_string(fuzz("Cargo.toml")).unwrap();
    let built: BTreeSet<_> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""))
        .map(str::to_owned)
        .collect();

    assert_eq!(names_in("fuzz_targets"), here);
    assert_eq!(names_in("corpus"), here);
    assert_eq!(built, here);
}
