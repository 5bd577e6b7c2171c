//! Differences whose causes were found by reading, and that have to be.

/// Tests whose results differ, and why they have to.
#[derive(Debug, PartialEq, Eq)]
pub struct KnownDifference {
    /// The package.
    pub package: &'static str,
    /// A test.
    pub test: &'static str,
    /// Why.
    pub why: Why,
}

/// Why a test has another result here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It passes, and really leaves something: this.
    Leaks(&'static str),
    /// It asks for something that this machine's Go may not have.
    Installed(&'static str),
}

impl Why {
    /// It in words.
    pub fn words(self) -> String {
        match self {
            Self::Leaks(what) => format!("a true leak: {what}"),
            Self::Installed(what) => what.to_owned(),
        }
    }
}

const fn leaks(package: &'static str, test: &'static str, what: &'static str) -> KnownDifference {
    KnownDifference { package, test, why: Why::Leaks(what) }
}

const fn installed(package: &'static str, test: &'static str, what: &'static str) -> KnownDifference {
    KnownDifference { package, test, why: Why::Installed(what) }
}

const DIR: &str = "a directory that it opens and never closes";
const ZIP: &str = "an archive that it opens and never closes";
const CONTENTS: &str = "the files whose contents `dirTreeContents` reads, and never closes";
const SLEEPER: &str = "a goroutine that is to sleep for ever";
const LICENSE: &str = "looks for LICENSE beside Go's sources, which this installation does not have";

const KNOWN: &[KnownDifference] = &[
    leaks("html/template", "TestParseZipFS", ZIP),
    leaks("os", "TestDirSeek", DIR),
    leaks("os", "TestReaddirSmallSeek", DIR),
    leaks("os", "TestRootMultiChtimes", CONTENTS),
    leaks("os", "TestRootMultiCreate", CONTENTS),
    leaks("os", "TestRootMultiLstat", CONTENTS),
    leaks("os", "TestRootMultiMkdir", CONTENTS),
    leaks("os", "TestRootMultiMkdirAllDeep", CONTENTS),
    leaks("os", "TestRootMultiMkdirAllShallow", CONTENTS),
    leaks("os", "TestRootMultiOpen", CONTENTS),
    leaks("os", "TestRootMultiOpenFile", CONTENTS),
    leaks("os", "TestRootMultiReadFile", CONTENTS),
    leaks("os", "TestRootMultiReadlink", CONTENTS),
    leaks("os", "TestRootMultiRemove", CONTENTS),
    leaks("os", "TestRootMultiRemoveAll", CONTENTS),
    leaks("os", "TestRootMultiStat", CONTENTS),
    leaks("os", "TestRootMultiWriteFile", CONTENTS),
    leaks("time", "TestOverflowSleep", SLEEPER),
    installed("os", "TestFileReadDir", LICENSE),
    installed("os", "TestFileReaddir", LICENSE),
    installed("os", "TestFileReaddirnames", LICENSE),
];

/// The known difference that a test is, if it is one. Only a leak is a true leak.
pub fn find(package: &str, test: &str, verdict: &str) -> Option<&'static KnownDifference> {
    let is_leak = |known: &&KnownDifference| matches!(known.why, Why::Leaks(_)) == (verdict == "leak");
    KNOWN.iter().filter(is_leak).find(|known| known.package == package && known.test == test)
}

/// Those of the packages that were run which were not found: they are mended, and may not hide what comes later.
pub fn stale(packages: &[String], found: &[&'static KnownDifference]) -> Vec<&'static KnownDifference> {
    let ran = |known: &&KnownDifference| packages.iter().any(|package| package == known.package);
    let is_everywhere = |known: &&KnownDifference| matches!(known.why, Why::Leaks(_));
    KNOWN.iter().filter(is_everywhere).filter(ran).filter(|known| !found.contains(known)).collect()
}
