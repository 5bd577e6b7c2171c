//! Runs the preview-1 cases of the public wasi-testsuite: see `tests/wasi-testsuite.sh`, which builds and calls this.

use airtight_tests::wasi_testsuite::{Options, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = Options::from_args(std::env::args().skip(1)).and_then(|options| {
        run(&options, &mut |case| match &case.problem {
            None => println!("ok      {}", case.name),
            Some(problem) => println!("FAILED  {}\n        {}", case.name, problem.replace('\n', "\n        ")),
        })
    });
    match done {
        Ok(totals) => {
            println!("{totals}");
            ExitCode::from(u8::from(totals.failed > 0))
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
