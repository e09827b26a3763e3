//! The file: replaced as a whole, read only where nobody else could have put it.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
};

use super::{
    super::{
        file::{self, OpenError, Pending},
        form::ReadError,
        metrics::{Failed, Refused},
    },
    *,
};

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_snapshot_is_for_its_owner_only_and_replaces_the_one_before_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (path, sap) = (folder.path().join("snapshot"), client("http://a"));
    fs::write(&path, "the one before").unwrap();
    // As a process leaves it that was killed while it wrote.
    fs::write(folder.path().join("snapshot.new"), "half").unwrap();
    let memory = Memory::new(100);
    remember(&memory, &sap, 1, found("a"), MINUTE);

    write_to(&path, &memory, &times());

    assert_eq!(mode_of(&path), 0o600);
    assert_eq!(names_in(folder.path()), ["snapshot"]);
    assert_eq!(load_from(&path, &times(), &sap).1.unwrap().unwrap().of(Taken::Loaded), 1);
}

#[tokio::test]
async fn one_that_is_not_finished_leaves_the_one_before_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    fs::write(&path, "the one before").unwrap();
    let memory = Memory::new(60_000);
    let sap = client("http://a");
    (0..30_000).for_each(|number| remember(&memory, &sap, number, found("a"), MINUTE));

    let stop = Stop::default();
    stop.give_up();
    let stopped = write::write(&path, &memory, &times(), Pace::Quick, &stop);

    assert!(stopped.unwrap().is_none());
    assert_eq!(fs::read(&path).unwrap(), b"the one before");
    assert_eq!(names_in(folder.path()), ["snapshot"]);
}

#[tokio::test]
async fn two_processes_do_not_write_one_file_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    let pending = Pending::begin(&path).unwrap();
    let memory = Memory::new(1);

    let error = write::write(&path, &memory, &times(), Pace::Quick, &Stop::default());

    assert_eq!(error.err().unwrap().kind(), Failed::Busy);
    assert_eq!(names_in(folder.path()), ["snapshot.new"], "the other one's is still there");
    pending.commit().unwrap();
    assert_eq!(names_in(folder.path()), ["snapshot"]);
}

#[tokio::test]
async fn a_link_a_folder_and_what_others_may_write_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real");
    let sap = client("http://a");
    write_to(&real, &Memory::new(1), &times());
    let link = folder.path().join("link");
    symlink(&real, &link).unwrap();
    let of = |path: &Path| load_from(path, &times(), &sap).1.map_err(|error| error.kind());

    assert_eq!(of(&link), Err(Refused::NoFile));
    assert_eq!(of(folder.path()), Err(Refused::NoFile));
    assert_eq!(of(&folder.path().join("none")), Ok(None));
    fs::set_permissions(&real, fs::Permissions::from_mode(0o620)).unwrap();
    assert_eq!(of(&real), Err(Refused::Writable));
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(of(&real).unwrap().unwrap().readable, Some(0o640), "it is read, and told");
}

#[test]
fn what_is_set_aside_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("snapshot");
    fs::write(&path, "of another key").unwrap();

    let aside = file::set_aside(&path).unwrap();

    assert_eq!(names_in(folder.path()), ["snapshot.refused"]);
    assert_eq!(fs::read(aside).unwrap(), b"of another key");
}

#[test]
fn a_folder_where_nothing_can_be_put_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for (path, told) in [
        ("none/snapshot", "does not exist; make it"),
        ("file/snapshot", "no folder"),
        ("", "is a folder; write the name of a file in it"),
    ] {
        let error = file::can_be_put(&folder.path().join(path)).unwrap_err();
        assert!(error.contains(told), "{path}: {error}");
    }
    file::can_be_put(&folder.path().join("snapshot")).unwrap();
    assert_eq!(names_in(folder.path()), ["file"], "nothing was made");
}

#[test]
fn each_reason_has_something_to_do_next() {
    for error in [
        LoadError::Open(OpenError::NoFile),
        LoadError::Open(OpenError::TooLarge),
        LoadError::Read(ReadError::Key),
        LoadError::Read(ReadError::Version),
        LoadError::Read(ReadError::Damaged),
        LoadError::Open(OpenError::Unreadable(std::io::ErrorKind::PermissionDenied.into())),
    ] {
        assert!(error.todo().len() > 20, "{error}");
    }
}
