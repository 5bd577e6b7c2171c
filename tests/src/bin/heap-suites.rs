//! Heap accounting over published suites: see `tests/heap-suites.sh`, which builds and calls this.

use airtight_tests::heap_suites::{Options, USAGE, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = Options::from_args(std::env::args().skip(1), USAGE);
    match options.and_then(|options| run(&options, &mut |line| println!("{line}"))) {
        Ok(as_it_should_be) => ExitCode::from(u8::from(!as_it_should_be)),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
