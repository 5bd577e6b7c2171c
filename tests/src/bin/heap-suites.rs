//! Heap accounting over published suites: see `tests/heap-suites.sh`, which builds and calls this.

use airtight_tests::heap_suites::{Options, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    let done =
        Options::from_args(std::env::args().skip(1)).and_then(|options| run(&options, &mut |line| println!("{line}")));
    match done {
        Ok(as_it_should_be) => ExitCode::from(u8::from(!as_it_should_be)),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
