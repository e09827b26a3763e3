//! What a path finds, and which texts are none.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What a path finds, as JSON text, or what is missing.
fn found(path: &str, root: &Value) -> String {
    match Path::compile(path).unwrap().nodes(&Node::from(root)) {
        Ok(nodes) => {
            nodes.iter().map(|node| Value::from(*node).to_string()).collect::<Vec<_>>().join(" ")
        }
        Err(Missing(path)) => format!("missing {path}"),
    }
}

#[test]
fn a_path_finds_what_this_table_says() {
    let root = json!({
        "d": { "results": [{ "Id": "1", "Areas": [{ "T": "A" }, { "T": null }] }] },
        "w": { "results": [{ "T": "B" }] },
        "empty": [],
        "null": null,
        "a b": { "c": 1 },
    });
    for (path, expected) in [
        ("d.results[0].Id", r#""1""#),
        ("$.d.results[0]['Id']", r#""1""#),
        ("d[0].Id", r#""1""#),
        ("d[*].Areas[*].T", r#""A" null"#),
        ("w[0].T", r#""B""#),
        ("w.results[0].T", r#""B""#),
        ("d.results[0].Areas[0].T", r#""A""#),
        ("d.results[0].Areas.results[0].T", r#""A""#),
        ("d.results[0].Areas.results[*].T", r#""A" null"#),
        ("d.results[0].Areas[7].T", ""),
        ("empty[0].T", ""),
        ("empty[*].T", ""),
        ("null[0].T", "null"),
        ("null.T", "null"),
        ("['a b'].c", "1"),
        ("$[\"a b\"].c", "1"),
        ("nowhere", "missing nowhere"),
        ("d.results[0].Nothing", "missing d.results[0].Nothing"),
        ("d.results[0].Id[0]", "missing d.results[0].Id[0]"),
        ("d.results.Id", "missing d.results.Id"),
        ("$..T", r#""A" null "B""#),
        ("$.d.results[?@.Id=='1'].Areas[-2:].T", r#""A" null"#),
        ("$.nowhere.at[?@.all]", ""),
    ] {
        assert_eq!(found(path, &root), expected, "{path}");
    }
    assert_eq!(found("$", &json!(1)), "1");
}

#[test]
fn rows_are_a_list_a_wrapped_list_or_one_record() {
    for (path, root, rows) in [
        ("d.results", json!({ "d": { "results": [{}, {}] } }), Some(2)),
        ("d", json!({ "d": { "results": [{}] } }), Some(1)),
        ("d", json!({ "d": { "Id": 1 } }), Some(1)),
        ("$", json!({ "Id": 1 }), Some(1)),
        ("$", json!([]), Some(0)),
        ("d", json!({ "d": null }), Some(0)),
        ("d.results", json!({ "d": {} }), None),
        ("d", json!({ "d": "text" }), None),
        ("d", json!({ "d": ["text"] }), None),
    ] {
        let found = Path::compile(path)
            .unwrap()
            .rows(&Node::from(&root), Absent::IsAMistake)
            .ok()
            .map(|rows| rows.len());
        assert_eq!(found, rows, "{path} {root}");
    }
}

#[test]
fn a_path_from_the_top_is_the_same_as_one_from_the_record() {
    for (rows, path, expected) in [
        ("d.results", "d.results[0].CountryCode", "CountryCode"),
        ("$.d.results", "d.results[0].Areas[0].Text", "Areas[0].Text"),
        ("d", "d.results[0].CountryCode", "CountryCode"),
        ("d", "d.to_Customer.Areas.results[0].T", "to_Customer.Areas.results[0].T"),
        ("value", "value[0].id", "id"),
        ("value", "value.id", "value.id"),
        ("$", "CountryCode", "CountryCode"),
        ("$", "[0].CountryCode", "CountryCode"),
        ("d.results", "CountryCode", "CountryCode"),
        ("d.results", "d.results[1].CountryCode", "d.results[1].CountryCode"),
    ] {
        let [path, rows, expected] =
            [path, rows, expected].map(|text| Path::compile(text).unwrap());
        let (Kind::Plain(seen), Kind::Plain(expected)) =
            (path.seen_from(&rows).kind, expected.kind)
        else {
            panic!("a plain path")
        };
        assert_eq!(seen, expected);
    }
}

#[test]
fn what_is_absent_is_a_mistake_or_empty() {
    let root = json!({ "a": [{ "t": 1 }, {}], "s": "text" });
    for (path, found) in [("a[*].t", 1), ("b.c", 0), ("a[*].u.v", 0)] {
        let path = Path::compile(path).unwrap();
        assert_eq!(path.find(&(&root).into(), Absent::IsEmpty).map(|nodes| nodes.len()), Ok(found));
        assert!(path.find(&(&root).into(), Absent::IsAMistake).is_err());
    }
    assert!(Path::compile("s.t").unwrap().find(&(&root).into(), Absent::IsEmpty).is_err());
}

#[test]
fn a_text_that_is_no_path_is_refused_with_its_place() {
    for (text, problem) in [
        ("", "is empty"),
        (".a", "position 0"),
        ("a..b", "position 1"),
        ("a.", "position 1"),
        ("a[", "position 1"),
        ("a[x]", "position 1"),
        ("a[+1]", "position 1"),
        ("a[-1]", "position 1"),
        ("a['']", "position 1"),
        ("a b", "position 1"),
        ("a[99999999999999999999999]", "position 1"),
        ("$a", "is no JSONPath"),
        ("$[", "is no JSONPath"),
        (&"a".repeat(501), "more than 500"),
    ] {
        let message = Path::compile(text).unwrap_err().to_string();
        assert!(message.contains(problem), "{text}: {message}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[abc]|results", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_a_path_or_a_problem(text in "\\PC{0,40}", root in any_json()) {
        if let Ok(path) = Path::compile(&text) {
            let root = Node::from(&root);
            let _nodes = path.nodes(&root);
        }
    }

    #[test]
    fn any_path_can_be_followed_through_any_answer(
        text in "\\$?[abc](\\.[abc]|\\[[0-2*]\\]|\\['[abc]'\\]){0,5}",
        root in any_json(),
    ) {
        // `$a` is no path in either way of writing.
        if let Ok(path) = Path::compile(&text) {
            let root = Node::from(&root);
            let _nodes = path.nodes(&root);
            let _rows = path.rows(&root, Absent::IsAMistake);
        }
    }

    #[test]
    fn members_are_found_under_the_name_they_were_written_with(
        names in prop::collection::vec("[a-z_]{1,8}", 1..5),
    ) {
        let root = names.iter().rev().fold(json!("here"), |inner, name| json!({ name: inner }));
        for text in [names.join("."), format!("$.{}", names.join(".")), format!("['{}']", names.join("']['"))] {
            prop_assert_eq!(found(&text, &root), "\"here\"");
        }
    }
}
