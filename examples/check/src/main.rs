//! Runs the lessons beside this program under airtight, shows the report, and checks that each lesson behaves as its
//! documentation says: `cargo run -p airtight-examples -- --setup`.

mod lesson;
mod suite;

use anyhow::{Result, bail};
use std::io::{IsTerminal, stdout};
use std::process::ExitCode;
use suite::{Ran, Suite};

const USAGE: &str = "\
Builds the lessons for wasm, runs them, and compares each with its expected.txt.

usage: cargo run -p airtight-examples -- [--setup] [--bless]

  --setup  may install what a wasm toolchain needs: the target with rustup, or packages of the distribution
  --bless  writes expected.txt anew, for you to review";

#[derive(Default)]
struct Options {
    setup: bool,
    bless: bool,
}

fn main() -> ExitCode {
    match options().and_then(|options| options.map_or(Ok(true), |options| check(&options))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// What the command line says; `None` where it asked for help only.
fn options() -> Result<Option<Options>> {
    let mut options = Options::default();
    for arg in std::env::args().skip(1) {
        match arg.as_str() {
            "--setup" => options.setup = true,
            "--bless" => options.bless = true,
            "-h" | "--help" => {
                println!("{USAGE}");
                return Ok(None);
            }
            other => bail!("unknown argument `{other}`\n\n{USAGE}"),
        }
    }
    Ok(Some(options))
}

/// Whether every lesson behaves as its documentation says.
fn check(options: &Options) -> Result<bool> {
    let colours = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let Ran { report, lessons } = Suite { setup: options.setup, colours: Some(colours) }.run()?;
    println!("\nThese leaks and failures are what the lessons are about. Are they as documented?");
    let mut different = Vec::new();
    for lesson in &lessons {
        let findings = lesson.findings(&report);
        if options.bless {
            lesson.bless(&findings)?;
        }
        match lesson.difference(&findings)? {
            None => println!("{:>12} {}", "yes", lesson.name),
            Some(difference) => {
                println!("{:>12} {}\n{difference}", "NO", lesson.name);
                different.push(lesson.name.as_str());
            }
        }
    }
    if !different.is_empty() {
        println!("not as documented: {}", different.join(", "));
    }
    Ok(different.is_empty())
}

#[cfg(test)]
mod tests {
    use super::lesson::Lesson;
    use super::*;

    /// Needs a toolchain, as `cargo run -p airtight-examples -- --setup` leaves it.
    #[test]
    fn every_lesson_is_as_documented_and_no_line_can_be_changed() {
        let Ran { report, lessons } = Suite { setup: false, colours: None }.run().unwrap();
        assert_eq!(lessons.len(), 5);
        for lesson in &lessons {
            let findings = lesson.findings(&report);
            let expected = lesson.expected().unwrap().expect("it has an expected.txt");
            assert_eq!(findings, expected, "{}", lesson.name);
            for (nth, line) in expected.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
                let flipped: Vec<_> = (expected.lines().enumerate())
                    .map(|(other, kept)| if other == nth { "flipped" } else { kept })
                    .collect();
                let difference = Lesson::compare(&flipped.join("\n"), &findings).expect(line);
                assert!(difference.contains(&format!("+{line}")), "{difference}");
            }
        }
    }

    #[test]
    fn a_lesson_without_expectations_is_different() {
        let lesson = Lesson { name: "new".to_owned(), dir: "no/such/directory".into() };
        assert!(lesson.difference("test: pass\n").unwrap().unwrap().contains("+test: pass"));
    }
}
