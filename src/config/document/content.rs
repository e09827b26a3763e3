//! What is in files, in one number: a change is told by content. Times of files say nothing where a
//! symbolic link is exchanged or a clock is set.

use std::{fs, path::Path};

use aws_lc_rs::digest::{Context, SHA256};
use zeroize::Zeroizing;

/// SHA-256.
pub type Digest = [u8; 32];

/// Of what is in these files.
///
/// # Errors
///
/// A file that cannot be read, by its name.
pub fn digest_of<'p>(files: impl IntoIterator<Item = &'p Path>) -> Result<Digest, String> {
    let mut context = Context::new(&SHA256);
    for file in files {
        let bytes = fs::read(file)
            .map(Zeroizing::new)
            .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
        add(&mut context, &bytes);
    }
    Ok(finish(context))
}

/// The same of one file, by what was read from it.
pub(in crate::config) fn digest_of_bytes(bytes: &[u8]) -> Digest {
    let mut context = Context::new(&SHA256);
    add(&mut context, bytes);
    finish(context)
}

fn add(context: &mut Context, bytes: &[u8]) {
    context.update(&bytes.len().to_be_bytes());
    context.update(bytes);
}

fn finish(context: Context) -> Digest {
    let mut digest = Digest::default();
    digest.copy_from_slice(context.finish().as_ref());
    digest
}
