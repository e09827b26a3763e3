//! The pictures in the README, which `grafana/pictures/make` makes: of dashboards, and of the status page.

use std::{collections::BTreeSet, fs};

use super::{dashboards::NAMES, project};

/// A README is read over slow lines too.
const MOST_BYTES: usize = 150_000;

#[test]
fn each_picture_in_the_readme_is_there_small_and_of_something_we_have_and_none_is_left_over() {
    let readme = include_str!("../../../README.md");
    let shown: BTreeSet<_> = readme
        .split("](docs/pictures/")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap().to_owned())
        .collect();
    let there: BTreeSet<_> = fs::read_dir(project("docs/pictures"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(shown, there);
    assert!(there.contains("overview.png") && there.contains("status.png"));
    for file in there {
        let name = file.strip_suffix(".png").unwrap();
        assert!(name == "status" || NAMES.contains(&name), "{file} shows nothing that we have");
        let picture = fs::read(project("docs/pictures").join(&file)).unwrap();
        assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n"), "{file} is no PNG");
        assert!(picture.len() <= MOST_BYTES, "{file} has {} bytes", picture.len());
    }
}

#[test]
fn whoever_does_not_see_the_picture_is_told_what_is_on_it() {
    let readme = include_str!("../../../README.md");
    let pictures: Vec<_> = readme.split("![").skip(1).collect();
    assert!(!pictures.is_empty());
    for picture in pictures {
        let (text, rest) = picture.split_once("](").unwrap();
        assert!(text.split_whitespace().count() > 5, "{text}: {rest:.60}");
    }
}
