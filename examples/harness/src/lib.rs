//! An ordinary crate, tested twice by one `cargo test`: its unit tests run natively, as always, and `tests/wasm.rs` builds
//! the same tests for wasm and runs each under airtight, in an instance of its own, with its leaks accounted for.
//!
//! What makes it so is in `Cargo.toml` (a `[[test]]` with `harness = false`, and airtight as a dev-dependency of the host
//! alone) and in `tests/wasm.rs`, which can be copied as it is.

use std::fs::File;
use std::io::{BufRead, BufReader, Result};
use std::path::Path;

/// The first line of a file, without its end.
pub fn first_line(path: &Path) -> Result<String> {
    let mut line = String::new();
    BufReader::new(File::open(path)?).read_line(&mut line)?;
    line.truncate(line.trim_end().len());
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::first_line;
    use airtight_sdk as airtight;
    use std::path::Path;

    #[test]
    fn of_this_crate_s_manifest() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert_eq!(first_line(&manifest).unwrap(), "[package]");
    }

    #[airtight::test(memory = "4MiB")]
    fn of_a_file_with_one_line(t: &mut airtight::T) -> std::io::Result<()> {
        let file = t.temp_dir().join("one");
        std::fs::write(&file, "only\r\n")?;
        assert_eq!(first_line(&file)?, "only");
        Ok(())
    }
}
