//! The binary; everything it does is in the library.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Gives back what was freed: after a crowd of connections glibc keeps all of it, because what lies
/// between is still in use. `.cargo/config.toml` says when.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    dialgate::cli::main()
}
