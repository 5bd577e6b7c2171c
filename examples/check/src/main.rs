//! Runs the lessons beside this program under airtight, shows the report, and checks that each lesson behaves as its
//! documentation says: `cargo run -p airtight-examples -- --setup`.

mod lesson;
mod suite;

use anyhow::{Result, bail};
use std::io::{IsTerminal, stdout};
use std::process::ExitCode;
use suite::Suite;

const USAGE: &str = "\
Builds the lessons for wasm, runs them, and compares each with its expected.txt (and expected-repeat.txt, for tests that are
called 50 times in one instance; expected-isolated.txt, for subtests that are each run alone; expected-pollution.txt, for tests
that are run together in one; expected-faults.txt, for tests whose calls fail).

usage: cargo run -p airtight-examples -- [--setup] [--bless]

  --setup  may install what a wasm toolchain needs: the target with rustup, or packages of the distribution
  --bless  writes these files anew, for you to review";

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
    let ran = Suite { setup: options.setup, colours: Some(colours) }.run()?;
    println!("\nThese leaks and failures are what the lessons are about. Are they as documented?");
    let mut different = Vec::new();
    for lesson in &ran.lessons {
        let mut differences = String::new();
        for findings in lesson.findings(&ran) {
            if options.bless {
                lesson.bless(&findings)?;
            }
            differences += &lesson.difference(&findings)?.unwrap_or_default();
        }
        if differences.is_empty() {
            println!("{:>12} {}", "yes", lesson.name);
        } else {
            println!("{:>12} {}\n{differences}", "NO", lesson.name);
            different.push(lesson.name.as_str());
        }
    }
    if !different.is_empty() {
        println!("not as documented: {}", different.join(", "));
    }
    Ok(different.is_empty())
}

#[cfg(test)]
mod tests {
    use super::lesson::{EXPECTED, Findings, Lesson};
    use super::*;
    use std::fs;
    use std::path::Path;

    /// Needs a toolchain, as `cargo run -p airtight-examples -- --setup` leaves it.
    #[test]
    fn every_lesson_is_as_documented_and_no_line_can_be_changed() {
        let ran = Suite { setup: false, colours: None }.run().unwrap();
        assert_eq!(ran.lessons.len(), 13);
        let files: Vec<_> =
            ran.lessons.iter().flat_map(|lesson| lesson.findings(&ran).into_iter().map(move |f| (lesson, f))).collect();
        assert_eq!(files.len(), 17);
        for (lesson, findings) in &files {
            let expected = lesson.expected(findings.file).unwrap().expect("it has its expectations");
            assert_eq!(findings.text, expected, "{}", lesson.name);
            for (nth, line) in expected.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
                let flipped: Vec<_> = (expected.lines().enumerate())
                    .map(|(other, kept)| if other == nth { "flipped" } else { kept })
                    .collect();
                let difference = findings.compare(&flipped.join("\n")).expect(line);
                assert!(difference.contains(&format!("+{line}")), "{difference}");
            }
        }
    }

    /// The reports in the README and in the guide are parts of what the lessons promise.
    #[test]
    fn the_readme_shows_what_lessons_find() {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let read = |page: &str| fs::read_to_string(examples.parent().unwrap().join(page)).unwrap();
        let pages = ["README.md", "host/docs/guide/leaks.md"].map(read).concat();
        let lessons = fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path().join(EXPECTED));
        let promised: Vec<_> = lessons.filter_map(|path| fs::read_to_string(path).ok()).collect();
        let blocks = pages.split("\n```").filter_map(|block| block.strip_prefix("text\n        LEAK "));
        let reports: Vec<_> = blocks.map(|rest| format!("        LEAK {rest}\n")).collect();
        assert_eq!(reports.len(), 2);
        for report in reports {
            assert!(promised.iter().any(|text| text.contains(&report)), "no lesson finds this:\n{report}");
        }
    }

    #[test]
    fn a_lesson_without_expectations_is_different() {
        let lesson = Lesson { name: "new".to_owned(), dir: "no/such/directory".into() };
        let findings = Findings { file: EXPECTED, text: "test: pass\n".to_owned() };
        assert!(lesson.difference(&findings).unwrap().unwrap().contains("+test: pass"));
    }
}
