//! Runs heap accounting over published suites: see `tests/heap-suites.sh`, which builds and calls this.

use airtight_tests::heap_suites;
use std::process::ExitCode;

fn main() -> ExitCode {
    heap_suites::main(heap_suites::USAGE, heap_suites::run)
}
