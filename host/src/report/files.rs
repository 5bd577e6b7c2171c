//! Report files: checked before the run; after it, written whole or not at all.

pub use super::writers::ReportKind;

use super::faults::Faults;
use super::pollution::Pollution;
use super::verification::Verification;
use crate::model::Report;
use std::fmt::Debug;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tempfile::NamedTempFile;

/// The path that is standard output.
const STANDARD_OUTPUT: &str = "-";

/// One report file to write, as `--report KIND=PATH` names it. `github` alone is `github=-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportSpec {
    /// Its format.
    pub kind: ReportKind,
    /// The file's path; a relative one starts at the working directory. `-` is standard output, for formats of a log.
    pub path: PathBuf,
}

impl ReportSpec {
    /// Whether it goes to standard output.
    #[must_use]
    pub fn is_standard_output(&self) -> bool {
        self.path == Path::new(STANDARD_OUTPUT)
    }
}

/// Why a text is not `KIND=PATH`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// There is no kind or no path.
    #[error("`{spec}` is not KIND=PATH, such as json=report.json")]
    Shape {
        /// What was given.
        spec: String,
    },
    /// There is no such kind.
    #[error("there is no report kind `{kind}`; this version writes: {}", written())]
    Unknown {
        /// What was asked for.
        kind: String,
    },
}

impl FromStr for ReportSpec {
    type Err = SpecError;

    fn from_str(spec: &str) -> Result<Self, SpecError> {
        let shape = || SpecError::Shape { spec: spec.to_owned() };
        let log = ReportKind::from_name(spec).filter(|kind| kind.is_log());
        if let Some(kind) = log {
            return Ok(Self { kind, path: STANDARD_OUTPUT.into() });
        }
        let (kind, path) = spec.split_once('=').ok_or_else(shape)?;
        if kind.is_empty() || path.is_empty() {
            return Err(shape());
        }
        let kind = ReportKind::from_name(kind).ok_or_else(|| SpecError::Unknown { kind: kind.to_owned() })?;
        Ok(Self { kind, path: path.into() })
    }
}

/// A report file that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the {kind} report to {}: {why}", path.display())]
pub struct ReportFileError {
    /// Its format.
    pub kind: ReportKind,
    /// The path, absolute where it could be made so.
    pub path: PathBuf,
    /// The reason. The message includes it, so it is not the error's source.
    pub why: WriteError,
}

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The directory that the file would be in does not exist.
    #[error("there is no directory {}; create it first", .0.display())]
    NoParent(PathBuf),
    /// The directory that the file would be in is a file.
    #[error("{} is not a directory", .0.display())]
    ParentNotDirectory(PathBuf),
    /// The path is a directory.
    #[error("it is a directory; name a file in it")]
    Directory,
    /// The path is a device, a pipe or a socket, which a file would replace.
    #[error("it is not a regular file, and a report replaces what is there")]
    NotRegular,
    /// The path is a link to nothing.
    #[error("it is a symbolic link to something that does not exist")]
    DanglingLink,
    /// Two reports would go to the same file.
    #[error("another report goes to the same file")]
    Twice,
    /// The report would stand among the console's lines, and its format is not one of a log.
    #[error("standard output is for `github` alone; name a file")]
    NotALog,
    /// The writer panicked: a bug of airtight's own.
    #[error("a bug of airtight's own: {0}")]
    Bug(String),
    /// The operating system refuses it.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Checked report files.
///
/// ```
/// use airtight::report::files::{ReportFiles, ReportSpec};
/// use airtight::{LoadOptions, Runner, Selection, Subject, config::Config};
///
/// # let bytes = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#)?;
/// # let folder = std::env::temp_dir().join(format!("reports-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let spec: ReportSpec = format!("json={}", folder.join("report.json").display()).parse()?;
/// let files = ReportFiles::check([spec])?;
/// let runner = Runner::builder(&Config::default(), "default")?.heap_profile(files.wants_profile()).build()?;
/// let module = runner.load(bytes, LoadOptions::named("empty"))?;
/// let plan = runner.plan(vec![Subject::new(module)], &Selection::default())?;
/// let failed = files.write(&runner.run(&plan, &mut ())?);
/// assert!(failed.is_empty());
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct ReportFiles {
    files: Vec<ReportSpec>,
    base: Option<Box<Report>>,
}

impl ReportFiles {
    /// Makes sure, before anything runs, that each file can be written: its directory takes a new file, and an existing
    /// file is a regular file that may be written. Nothing is left behind.
    ///
    /// # Errors
    /// The first file that cannot be written.
    pub fn check(specs: impl IntoIterator<Item = ReportSpec>) -> Result<Self, ReportFileError> {
        let mut files: Vec<ReportSpec> = Vec::new();
        for spec in specs {
            let is_output = spec.is_standard_output();
            let ReportSpec { kind, path } = spec;
            let resolved = match is_output {
                true if kind.is_log() => Ok(path.clone()),
                true => Err(WriteError::NotALog),
                false => resolve(&path),
            };
            let resolved = resolved.and_then(|resolved| {
                let twice = files.iter().any(|file| file.path == resolved);
                if twice { Err(WriteError::Twice) } else { Ok(resolved) }
            });
            match resolved {
                Ok(path) => files.push(ReportSpec { kind, path }),
                Err(why) => return Err(ReportFileError { kind, path, why }),
            }
        }
        Ok(Self { files, base: None })
    }

    /// Lets the formats that can do so say what has changed since an earlier report.
    #[must_use]
    pub fn with_base(self, base: Report) -> Self {
        Self { base: Some(Box::new(base)), ..self }
    }

    /// Whether one of the files shows [`Report::profile`].
    pub fn wants_profile(&self) -> bool {
        self.files.iter().any(|file| file.kind.wants_profile())
    }

    /// Whether one of them shows [`Report::timelines`].
    pub fn wants_timelines(&self) -> bool {
        self.files.iter().any(|file| file.kind.wants_timelines())
    }

    /// Whether one of them shows where tests acquired something, and whether they released it.
    pub fn wants_coverage(&self) -> bool {
        self.files.iter().any(|file| file.kind.wants_coverage())
    }

    /// Writes every file. Each is written beside its place, flushed to the disk and renamed, so that a reader sees the old
    /// file or the whole new one. A failure does not stop the others: all errors are returned.
    pub fn write(&self, report: &Report) -> Vec<ReportFileError> {
        self.write_with(|kind| Some(kind.write(report, self.base.as_deref())))
    }

    /// As [`ReportFiles::write`], for what a search for failures found. Kinds that cannot show it (see
    /// [`ReportKind::tells_faults`]) are not written.
    pub fn write_faults(&self, faults: &Faults) -> Vec<ReportFileError> {
        self.write_with(|kind| kind.tells_faults().then(|| kind.write_faults(faults)))
    }

    /// As [`ReportFiles::write`], for what a search for tests that depend on others found. Kinds that cannot show it (see
    /// [`ReportKind::tells_pollution`]) are not written.
    pub fn write_pollution(&self, found: &Pollution) -> Vec<ReportFileError> {
        self.write_with(|kind| kind.tells_pollution().then(|| kind.write_pollution(found)))
    }

    /// As [`ReportFiles::write`], for what a verification came to. Only [`ReportKind::Json`] can show it.
    pub fn write_verification(&self, verification: &Verification) -> Vec<ReportFileError> {
        self.write_with(|kind| (kind == ReportKind::Json).then(|| verification.to_json()))
    }

    fn write_with(&self, bytes: impl Fn(ReportKind) -> Option<Vec<u8>>) -> Vec<ReportFileError> {
        let failed = |file: &ReportSpec| {
            let why = write_one(file, || bytes(file.kind)).err()?;
            Some(ReportFileError { kind: file.kind, path: file.path.clone(), why })
        };
        self.files.iter().filter_map(failed).collect()
    }
}

/// Writes one file. A writer that panics only loses its own file.
fn write_one(file: &ReportSpec, bytes: impl FnOnce() -> Option<Vec<u8>>) -> Result<(), WriteError> {
    let bytes = catch_unwind(AssertUnwindSafe(bytes)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        WriteError::Bug(text.unwrap_or("it panicked without a message").to_owned())
    })?;
    let Some(bytes) = bytes else { return Ok(()) };
    if file.is_standard_output() {
        let mut to = io::stdout().lock();
        return Ok(to.write_all(&bytes).and_then(|()| to.flush())?);
    }
    Ok(replace(&file.path, &bytes)?)
}

/// The absolute path that is replaced in the end, with links followed, after a check that it can be written.
pub fn resolve(path: &Path) -> Result<PathBuf, WriteError> {
    let path = std::path::absolute(path)?;
    let parent = path.parent().ok_or(WriteError::Directory)?;
    match fs::metadata(parent) {
        Ok(metadata) if !metadata.is_dir() => return Err(WriteError::ParentNotDirectory(parent.to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(WriteError::NoParent(parent.to_owned())),
        Err(error) => return Err(error.into()),
    }
    let resolved = match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => return Err(WriteError::Directory),
        Ok(metadata) if !metadata.is_file() => return Err(WriteError::NotRegular),
        Ok(_) => {
            OpenOptions::new().write(true).open(&path)?;
            fs::canonicalize(&path)?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if fs::symlink_metadata(&path).is_ok() {
                return Err(WriteError::DanglingLink);
            }
            let name = path.file_name().ok_or(WriteError::Directory)?;
            fs::canonicalize(parent)?.join(name)
        }
        Err(error) => return Err(error.into()),
    };
    // Dropping the file removes it.
    beside(&resolved)?;
    Ok(resolved)
}

/// Writes a file whole or not at all: a reader sees the old file or the new one.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = beside(path)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// A new file in the same directory, hence on the same file system.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".airtight-report-");
    // Unlike a temporary file, a report is for others to read, too; the umask still applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(path.parent().unwrap_or(Path::new("/")))
}

fn written() -> String {
    ReportKind::ALL.map(ReportKind::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples;
    use crate::report::{json, pprof};

    fn spec(path: &Path) -> ReportSpec {
        ReportSpec { kind: ReportKind::Json, path: path.to_owned() }
    }

    fn refusal(path: &Path) -> String {
        let error = ReportFiles::check([spec(path)]).unwrap_err();
        assert_eq!(error.path, path);
        error.why.to_string()
    }

    fn names(dir: &Path) -> Vec<String> {
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_spec_is_kind_and_path() {
        assert_eq!("json=a=b.json".parse(), Ok(spec(Path::new("a=b.json"))));
        let error = |text: &str| text.parse::<ReportSpec>().unwrap_err().to_string();
        assert_eq!(error("report.json"), "`report.json` is not KIND=PATH, such as json=report.json");
        assert_eq!(error("json="), "`json=` is not KIND=PATH, such as json=report.json");
        assert_eq!(error("=x"), "`=x` is not KIND=PATH, such as json=report.json");
        let all = "json, html, junit, sarif, github, libtest-json, libtest-json-plus, test2json, prometheus, chrome-trace, pprof";
        assert_eq!(error("jsn=x"), format!("there is no report kind `jsn`; this version writes: {all}"));
        for kind in ReportKind::ALL {
            let path = PathBuf::from("x");
            assert_eq!(format!("{kind}=x").parse(), Ok(ReportSpec { kind, path }));
        }
    }

    #[test]
    fn annotations_alone_go_to_standard_output() {
        let output: ReportSpec = "github".parse().unwrap();
        assert!(output.is_standard_output() && output == "github=-".parse().unwrap());
        assert!(ReportFiles::check([output]).is_ok());
        let error = ReportFiles::check(["json=-".parse().unwrap()]).unwrap_err();
        assert_eq!(error.why.to_string(), "standard output is for `github` alone; name a file");
    }

    #[test]
    fn a_writer_that_panics_loses_its_own_file_alone() {
        let dir = tempfile::tempdir().unwrap();
        let spec = |kind: &str| format!("{kind}={}", dir.path().join(kind).display()).parse::<ReportSpec>().unwrap();
        let files = ReportFiles::check([spec("sarif"), spec("json")]).unwrap();
        let errors =
            files.write_with(|kind| if kind == ReportKind::Sarif { panic!("a hole") } else { Some(b"whole".to_vec()) });
        assert_eq!(errors.len(), 1);
        assert!(errors[0].to_string().ends_with("a bug of airtight's own: a hole"), "{}", errors[0]);
        assert_eq!(names(dir.path()), ["json"]);
    }

    #[test]
    fn a_profile_is_wanted_where_one_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let spec = |kind: &str| format!("{kind}={}", dir.path().join(kind).display()).parse::<ReportSpec>().unwrap();
        assert!(!ReportFiles::check([spec("json")]).unwrap().wants_profile());
        let files = ReportFiles::check([spec("json"), spec("pprof")]).unwrap();
        assert!(files.wants_profile() && !files.wants_timelines());
        assert!(ReportFiles::check([spec("html")]).unwrap().wants_timelines());
        let wants = |kind: &str| ReportFiles::check([spec(kind)]).unwrap().wants_coverage();
        assert!(wants("sarif") && wants("json") && !wants("pprof"));
        let report = samples::report(Vec::new());
        assert!(files.write(&report).is_empty());
        assert_eq!(fs::read(dir.path().join("pprof")).unwrap(), pprof::write(&report));
    }

    #[test]
    fn a_file_is_written_whole_and_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        let report = samples::report(Vec::new());
        let files = ReportFiles::check([spec(&path)]).unwrap();
        assert!(names(dir.path()).is_empty(), "checking leaves nothing");
        for _ in 0..2 {
            assert!(files.write(&report).is_empty());
            assert_eq!(fs::read(&path).unwrap(), json::write(&report));
            assert_eq!(names(dir.path()), ["report.json"]);
        }
    }

    #[test]
    fn what_cannot_be_written_is_refused_with_its_reason() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "kept").unwrap();
        let missing = dir.path().join("missing");
        assert_eq!(
            refusal(&missing.join("r.json")),
            format!("there is no directory {}; create it first", missing.display())
        );
        assert_eq!(refusal(&file.join("r.json")), format!("{} is not a directory", file.display()));
        assert_eq!(refusal(dir.path()), "it is a directory; name a file in it");
        assert_eq!(refusal(Path::new("/")), "it is a directory; name a file in it");
        let error = ReportFiles::check([spec(&file), spec(&dir.path().join("./file"))]).unwrap_err();
        assert_eq!(error.why.to_string(), "another report goes to the same file");
        assert_eq!(fs::read(&file).unwrap(), b"kept");
    }

    #[test]
    fn the_error_names_kind_path_and_reason() {
        let error = ReportFiles::check([spec(Path::new("/"))]).unwrap_err();
        assert_eq!(error.to_string(), "cannot write the json report to /: it is a directory; name a file in it");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert_eq!(refusal(&link), "it is a symbolic link to something that does not exist");
        fs::write(&target, "").unwrap();
        let report = samples::report(Vec::new());
        assert!(ReportFiles::check([spec(&link)]).unwrap().write(&report).is_empty());
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), json::write(&report));
        assert_eq!(refusal(Path::new("/dev/null")), "it is not a regular file, and a report replaces what is there");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_directory_that_takes_no_file_is_refused() {
        // Unlike a directory without the write bit, `/proc` refuses root as well.
        let error = ReportFiles::check([spec(Path::new("/proc/report.json"))]).unwrap_err();
        assert!(matches!(error.why, WriteError::Io(_)), "{error}");
    }

    #[test]
    fn one_failure_does_not_stop_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("gone");
        fs::create_dir(&gone).unwrap();
        let paths = [gone.join("a.json"), dir.path().join("b.json")];
        let files = ReportFiles::check(paths.iter().map(|path| spec(path))).unwrap();
        fs::remove_dir(&gone).unwrap();
        let errors = files.write(&samples::report(Vec::new()));
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].path.file_name(), paths[0].file_name());
        assert!(paths[1].exists());
    }
}
