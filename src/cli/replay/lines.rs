//! Lines of a file of any length, none of which takes more than a fixed amount of memory.

use std::io::{self, BufRead, Read};

/// Far longer than any record: that of a call with a client's certificate has two or three KiB.
pub(super) const LONGEST: usize = 64 * 1024;

/// The lines of an input.
pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn of(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0 }
    }

    /// The number of the last line, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line that is not empty, or why it cannot be one; `None` at the end.
    ///
    /// # Errors
    ///
    /// The input cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Option<Result<&[u8], String>>> {
        loop {
            if !self.read()? {
                return Ok(None);
            }
            self.number += 1;
            if self.line.len() > LONGEST {
                self.skip()?;
                return Ok(Some(Err(format!("is longer than {} KiB", LONGEST / 1024))));
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some(Ok(&self.line)));
            }
        }
    }

    fn read(&mut self) -> io::Result<bool> {
        self.line.clear();
        let most = LONGEST as u64 + 1;
        Ok(self.input.by_ref().take(most).read_until(b'\n', &mut self.line)? > 0)
    }

    /// To the end of a line that is too long.
    fn skip(&mut self) -> io::Result<()> {
        while self.line.last() != Some(&b'\n') && self.read()? {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_number_whatever_length_the_others_have() {
        let text = [
            b"one\n\n".as_slice(),
            &vec![b'x'; 3 * LONGEST],
            b"\nfour\n",
            &vec![b'y'; LONGEST],
            b"\n\xffsix",
        ]
        .concat();
        let mut lines = Lines::of(text.as_slice());
        let mut all = Vec::new();

        while let Some(line) = lines.next().unwrap() {
            let line = line.map(<[u8]>::trim_ascii).map(<[u8]>::to_vec);
            all.push((lines.number(), line));
        }

        let told: Vec<_> = all.iter().map(|(number, line)| (*number, line.is_ok())).collect();
        assert_eq!(told, [(1, true), (3, false), (4, true), (5, false), (6, true)]);
        assert_eq!(all[2].1.as_deref(), Ok(b"four".as_slice()));
    }
}
