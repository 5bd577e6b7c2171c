//! Compares published suites here and natively: see `tests/native-suites.sh`, which builds and calls this.

use airtight_tests::{heap_suites, native_suites};
use std::process::ExitCode;

fn main() -> ExitCode {
    heap_suites::main(native_suites::USAGE, native_suites::run)
}
