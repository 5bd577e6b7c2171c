//! The results of one package, natively and here.

use super::Options;
use crate::{program, read_report, tests};
use anyhow::{Context, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// What each test may have: that of `regexp` which compiles what is too large takes more than is the default.
const MEMORY: &str = "1GiB";

/// What became of a test natively.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Native {
    Passed,
    Failed,
    Skipped,
}

/// What became of a test here: the word of its verdict, and what the report says of it in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here {
    pub verdict: String,
    pub said: String,
}

/// Every test of a package, without subtests, there and here.
pub type Results = (BTreeMap<String, Native>, BTreeMap<String, Here>);

/// Runs a package both ways, or reads what an earlier run has left.
pub fn results(go: &Path, options: &Options, package: &str) -> anyhow::Result<Results> {
    let name = package.replace('/', "_");
    let (native, here) = (options.folder.join(format!("{name}.native")), options.folder.join(format!("{name}.json")));
    let is_there = |path: &Path| options.keep && path.metadata().is_ok_and(|file| file.len() > 0);
    let sources = go.parent().and_then(Path::parent).context("Go has no directory")?.join("src");
    if !is_there(&native) {
        let mut test = Command::new(go);
        test.args(["test", "-short", "-count=1", "-json", package]);
        let ran = for_go(&mut test, &sources).output().context("Go cannot be started")?;
        std::fs::write(&native, ran.stdout)?;
    }
    if !is_there(&here) {
        let mut run = Command::new(program());
        run.env("AIRTIGHT_GO", go)
            .args(["go", package, "-short", "--memory", MEMORY, "--report"])
            .arg(format!("json={}", here.display()));
        let ran = for_go(&mut run, &sources).output().context("airtight cannot be started")?;
        ensure!(here.exists(), "{package} is not run here:\n{}", String::from_utf8_lossy(&ran.stderr));
    }
    Ok((read_native(&std::fs::read_to_string(&native)?), read_here(&read_report(&here))))
}

/// Runs Go as it is, without what the user's environment says of it.
fn for_go<'c>(command: &'c mut Command, sources: &Path) -> &'c mut Command {
    command.current_dir(sources).envs([("GOTOOLCHAIN", "local"), ("GOFLAGS", "")]).stdin(Stdio::null())
}

/// The last word of each test in what `go test -json` prints.
fn read_native(text: &str) -> BTreeMap<String, Native> {
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ended = events.filter_map(|event| {
        let test = event["Test"].as_str().filter(|test| !test.contains('/'))?;
        let native = match event["Action"].as_str()? {
            "pass" => Native::Passed,
            "fail" => Native::Failed,
            "skip" => Native::Skipped,
            _ => return None,
        };
        Some((test.to_owned(), native))
    });
    ended.collect()
}

fn read_here(report: &Value) -> BTreeMap<String, Here> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let here = tests(report).map(|(_, test)| {
        let leak = &test["leaks"][0];
        let left = text(&leak["kind"]).map(|kind| {
            let place = &leak["stack"][0];
            format!("{kind} at {}:{}", place["file"].as_str().unwrap_or("?"), place["line"])
        });
        let said = text(&test["message"]).or_else(|| text(&test["reason"])).or(left).unwrap_or_default();
        let said = said.lines().next().unwrap_or_default().to_owned();
        let verdict = text(&test["verdict"]).unwrap_or_default();
        (test["name"].as_str().unwrap_or_default().to_owned(), Here { verdict, said })
    });
    here.collect()
}

#[cfg(test)]
mod tests_of_reading {
    use super::*;

    #[test]
    fn the_last_word_of_a_test_counts() {
        let text = "{\"Action\":\"run\",\"Test\":\"TestA\"}\n{\"Action\":\"pass\",\"Test\":\"TestA/b\"}\nnoise\n\
            {\"Action\":\"fail\",\"Test\":\"TestA\"}\n{\"Action\":\"skip\",\"Test\":\"TestB\"}\n{\"Action\":\"fail\"}\n";
        let read = read_native(text);
        assert_eq!(read.len(), 2);
        assert_eq!((read["TestA"], read["TestB"]), (Native::Failed, Native::Skipped));
    }
}
