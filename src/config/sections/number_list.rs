//! `rules.service_numbers_file:` the service numbers as a table that Excel and jtel's admins keep.
//!
//! The first line names the columns, `contract_number;service_number`. Fields are separated by `;`
//! or `,`, whichever the first line uses, and may stand in double quotes.

use std::{fs, ops::Range, path::Path};

use super::{
    content::digest_of_bytes,
    findings::Findings,
    resolve::{Environment, Place, Reading, error_text},
};

/// A longer file is a mistake in the path: this is room for about 200,000 rows.
const MAX_BYTES: u64 = MAX_MIB * 1024 * 1024;
const MAX_MIB: u64 = 8;

/// The names of the columns, in any order. jtel's and Excel's spellings of them count as well.
const COLUMNS: [&str; 2] = ["contract_number", "service_number"];

/// The names of the columns of `rules.never_dialled.ranges_file`.
const RANGE: [&str; 2] = ["from", "to"];

/// A text of a table, and its place.
type Placed = (String, Place);

/// One contract number with its service number, unread, each with its place.
pub(in crate::config) struct Row {
    pub(in crate::config) contract_number: (String, Place),
    pub(in crate::config) service_number: (String, Place),
}

/// Reads the file. What is wrong with it is found in its own lines.
pub(in crate::config) fn read(path: &str, reading: &mut Reading<'_>) -> Vec<Row> {
    let rows = read_pairs(path, "rules.service_numbers_file", COLUMNS, reading);
    rows.into_iter().map(row).collect()
}

/// Reads a file of ranges of telephone numbers, each with its beginning and its end.
pub(in crate::config) fn read_ranges(path: &str, reading: &mut Reading<'_>) -> Vec<[Placed; 2]> {
    read_pairs(path, "rules.never_dialled.ranges_file", RANGE, reading)
}

/// A row of jtel's list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// As it stands there.
    pub contract_number: String,
    /// As it stands there, without blanks around it.
    pub service_number: String,
    /// From 1.
    pub line: usize,
}

/// Reads a list of service numbers as jtel keeps it.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn read_list(path: &Path) -> Result<Vec<Listed>, Findings> {
    let name = path.display().to_string();
    listed(&name, |reading| read_pairs(&name, "", COLUMNS, reading))
}

/// Reads the text of such a list. `name` is what findings call it.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn list_of(name: &str, text: &str) -> Result<Vec<Listed>, Findings> {
    listed(name, |reading| pairs(name, text, COLUMNS, reading))
}

/// What is read, if there is nothing wrong with it.
fn listed(
    name: &str,
    read: impl FnOnce(&mut Reading<'_>) -> Vec<[Placed; 2]>,
) -> Result<Vec<Listed>, Findings> {
    let environment = Environment::of([]);
    let findings = Findings::new(name, "");
    let mut reading = Reading::new(findings, &environment, Path::new(""));
    let rows = read(&mut reading);
    if !reading.findings.is_empty() {
        return Err(reading.findings);
    }
    let line = |place: &Place| match place {
        Place::Table(document, span) => reading.findings.line_number(*document, span.start),
        Place::Key(_) => 1,
    };
    let listed = |[(contract_number, place), (service_number, _)]: [Placed; 2]| Listed {
        line: line(&place),
        contract_number,
        service_number,
    };
    Ok(rows.into_iter().map(listed).collect())
}

fn row([contract_number, service_number]: [Placed; 2]) -> Row {
    Row { contract_number, service_number }
}

fn read_pairs(
    path: &str,
    key: &str,
    columns: [&str; 2],
    reading: &mut Reading<'_>,
) -> Vec<[Placed; 2]> {
    let full = reading.file(path);
    let text = match fs::metadata(&full).map(|metadata| metadata.len()) {
        Ok(0..=MAX_BYTES) => fs::read(&full),
        Ok(_) => {
            reading.at(key, format!("is longer than {MAX_MIB} MiB"));
            return Vec::new();
        }
        Err(error) => Err(error),
    };
    if let Ok(bytes) = &text {
        reading.contents.push((full.clone(), digest_of_bytes(bytes)));
    }
    let text = match text.map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(_)) => {
            let told = "is not UTF-8; in Excel, save it as \"CSV UTF-8 (comma delimited)\"";
            reading.at(key, told);
            return Vec::new();
        }
        Err(error) => {
            reading.at(key, format!("cannot be read: {}", error_text(&error)));
            return Vec::new();
        }
    };
    pairs(&full.display().to_string(), &text, columns, reading)
}

/// Reads the text of a list of service numbers.
#[cfg(test)]
pub(in crate::config) fn table(name: &str, text: &str, reading: &mut Reading<'_>) -> Vec<Row> {
    pairs(name, text, COLUMNS, reading).into_iter().map(row).collect()
}

/// Reads the text of such a file.
fn pairs(
    name: &str,
    text: &str,
    columns: [&str; 2],
    reading: &mut Reading<'_>,
) -> Vec<[Placed; 2]> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document = reading.findings.open(name, text);
    let separator = match text.lines().next() {
        Some(first) if !first.contains(';') && first.contains(',') => ',',
        _ => ';',
    };
    let mut wrong = Vec::new();
    let mut records = records(text, separator, &mut wrong).into_iter();
    let header = records.next().unwrap_or_default();
    // `Contract Number` is `contract_number` as people write it.
    let plain = |text: &str| text.replace([' ', '_', '-'], "").to_ascii_lowercase();
    let places = columns
        .map(|column| header.iter().position(|field| plain(field.text.trim()) == plain(column)));
    let mut rows = Vec::new();
    if let [Some(first), Some(second)] = places {
        for record in records {
            match (record.get(first), record.get(second)) {
                (Some(first), Some(second)) => rows.push([
                    first.placed(document),
                    // Digits have no meaningful blanks around them; a contract number may.
                    (second.text.trim().to_owned(), second.placed(document).1),
                ]),
                (one, other) => {
                    let span = one.or(other).map_or(0..0, |field| field.span.clone());
                    wrong.push((span, "has fewer columns than the first line".to_owned()));
                }
            }
        }
    } else {
        let span = header.first().map_or(0..0, |field| field.span.clone());
        wrong.push((span, format!("the first line is not `{}`", columns.join(";"))));
    }
    for (span, told) in wrong {
        reading.findings.push(document, span, "", told, None);
    }
    rows
}

/// A field without its quotes, and its bytes with them.
struct Field {
    text: String,
    span: Range<usize>,
}

impl Field {
    fn placed(&self, document: usize) -> (String, Place) {
        (self.text.clone(), Place::Table(document, self.span.clone()))
    }
}

/// Splits a text into records and fields as RFC 4180 has it. Empty lines are no records.
fn records(
    text: &str,
    separator: char,
    wrong: &mut Vec<(Range<usize>, String)>,
) -> Vec<Vec<Field>> {
    let mut records = Vec::new();
    let mut record: Vec<Field> = Vec::new();
    let mut field = String::new();
    let (mut start, mut quote) = (0, None);
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        match character {
            '"' if quote.is_some() && next == Some('"') => {
                field.push('"');
                characters.next();
            }
            '"' if quote.is_some() => quote = None,
            '"' if field.is_empty() => quote = Some(at),
            _ if quote.is_some() => field.push(character),
            '\r' if next == Some('\n') => {}
            _ if character == separator || character == '\n' => {
                let end = at - usize::from(text.get(..at).is_some_and(|s| s.ends_with('\r')));
                record
                    .push(Field { text: std::mem::take(&mut field), span: start..end.max(start) });
                start = at + 1;
                if character == '\n' {
                    records.push(std::mem::take(&mut record));
                }
            }
            _ => field.push(character),
        }
    }
    if let Some(quote) = quote {
        wrong.push((quote..quote + 1, "this quote is never closed".to_owned()));
    } else if !field.is_empty() || !record.is_empty() {
        record.push(Field { text: field, span: start..text.len() });
        records.push(record);
    }
    records.retain(|record| record.iter().any(|field| !field.text.trim().is_empty()));
    records
}
