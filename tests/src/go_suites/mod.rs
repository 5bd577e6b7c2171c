//! Go's standard library, unmodified, here and natively: every test's verdict is compared with that of `go test`.
//!
//! A test that passes natively has to pass here. If it does not, it has to skip itself with a reason of its own, or not be
//! built for this platform, or be on the list in `known`: as a true leak, or as a fact of the host that a sandbox does not
//! have. Anything else is a failure of the run.

mod compare;
mod known;
mod suite;

use anyhow::{Context, bail, ensure};
use compare::{Comparison, Difference};
use std::path::PathBuf;

/// How this is called.
const USAGE: &str = "usage: go-suites.sh FOLDER [--keep] [PACKAGE…]";

/// The packages that are compared where none is named.
pub const PACKAGES: [&str; 24] = [
    "bufio",
    "bytes",
    "container/heap",
    "container/list",
    "encoding/csv",
    "encoding/json",
    "errors",
    "flag",
    "html/template",
    "io",
    "io/fs",
    "net/http/httptest",
    "net/url",
    "os",
    "path/filepath",
    "regexp",
    "slices",
    "sort",
    "strconv",
    "strings",
    "sync",
    "text/template",
    "time",
    "unicode/utf8",
];

/// The least share, in percent, of the tests that pass natively and run here, which have to pass here.
const LEAST: f64 = 98.0;

/// What is to be compared.
#[derive(Debug)]
pub struct Options {
    /// Where reports are kept.
    pub folder: PathBuf,
    /// Whether those that are there are read instead of made.
    pub keep: bool,
    /// The packages.
    pub packages: Vec<String>,
}

impl Options {
    /// Of the arguments of the script.
    ///
    /// # Errors
    /// They are not its arguments.
    pub fn from_args(args: impl IntoIterator<Item = String>) -> anyhow::Result<Self> {
        let (mut folder, mut keep, mut packages) = (None, false, Vec::new());
        for arg in args {
            match &*arg {
                "--keep" => keep = true,
                flag if flag.starts_with('-') => bail!("unknown argument `{flag}`\n{USAGE}"),
                _ if folder.is_none() => folder = Some(PathBuf::from(arg)),
                _ => packages.push(arg),
            }
        }
        if packages.is_empty() {
            packages = PACKAGES.map(str::to_owned).to_vec();
        }
        Ok(Self { folder: folder.context(USAGE)?, keep, packages })
    }
}

/// Compares packages, tells the lines of the table, and returns whether every difference is explained.
///
/// # Errors
/// There is no Go, or a package cannot be run.
pub fn run(options: &Options, tell: &mut dyn FnMut(&str)) -> anyhow::Result<bool> {
    let go = crate::go("nothing was compared").context("there is no Go")?;
    std::fs::create_dir_all(&options.folder)?;
    tell(&Comparison::head());
    let (mut total, mut unexplained, mut found) = (Comparison::default(), Vec::new(), Vec::new());
    for package in &options.packages {
        let (native, here) = suite::results(&go, options, package)?;
        ensure!(!native.is_empty(), "`go test {package}` tells of no test");
        let comparison = Comparison::new(package, &native, &here);
        tell(&comparison.row(package));
        for (reason, tests) in &comparison.explained {
            tell(&format!("    {tests:>5} {reason}"));
        }
        unexplained.extend(comparison.unexplained.iter().map(|difference| (package.clone(), difference.clone())));
        found.extend(comparison.known.iter().copied());
        total.add(comparison);
    }
    tell(&total.row("together"));
    for (package, Difference { test, native, here, why }) in &unexplained {
        tell(&format!("not explained: {package} {test}: natively {native}, here {here}: {why}"));
    }
    let stale = known::stale(&options.packages, &found);
    for known in &stale {
        tell(&format!("no longer so, take it off the list: {known:?}"));
    }
    let (ran, all) = (total.share_of_run(), total.share_of_all());
    tell(&format!(
        "passed here: {ran:.1} % of what passes natively and runs here (true leaks among them), {all:.1} % of all that passes natively"
    ));
    Ok(unexplained.is_empty() && stale.is_empty() && ran >= LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_those_of_the_script() {
        let parse = |line: &str| Options::from_args(line.split_whitespace().map(str::to_owned));
        let options = parse("/tmp/x --keep io os").unwrap();
        assert_eq!((options.keep, options.packages), (true, vec!["io".to_owned(), "os".to_owned()]));
        assert_eq!(parse("/tmp/x").unwrap().packages.len(), PACKAGES.len());
        assert!(parse("").is_err() && parse("/tmp/x --new").is_err());
    }
}
