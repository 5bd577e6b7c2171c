//! Compares Go's standard library here and natively: see `tests/go-suites.sh`, which builds and calls this.

use airtight_tests::go_suites::{self, Options};
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = Options::from_args(std::env::args().skip(1));
    match options.and_then(|options| go_suites::run(&options, &mut |line| println!("{line}"))) {
        Ok(as_it_should_be) => ExitCode::from(u8::from(!as_it_should_be)),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
