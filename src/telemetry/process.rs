//! What the operating system says about this process.

use std::fs;

/// How many descriptors this process may have open; `None` where there is no limit or no `/proc`.
pub fn max_descriptors() -> Option<usize> {
    let text = fs::read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}
