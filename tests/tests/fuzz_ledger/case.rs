//! A case: run on airtight, and compared with the model.

use super::model::{Answer, BELOW, Flaw, HeldHandle, Model, ROOTS};
use super::steps::{Case, GuestCall, Open};
use airtight::Compiler;
use airtight::Runner;
use airtight::policy::{DirGrant, LeakAction, LeakActions, LeakSetting, Limit, Limits, Mode, Policy};
use airtight::report::{Resource, ResourceKind, TestRecord, Verdict};
use airtight_tests::script::{Arg, End, Script, run_module};
use proptest::prop_assert_eq;
use proptest::test_runner::TestCaseError;
use std::path::Path;
use tempfile::TempDir;

/// Bytes of the buffer that a directory is listed into.
pub const LISTED: u32 = 120;

/// What a case may spend; the longest needs a tenth of it.
const FUEL: u64 = 2_000_000;

/// What all cases share.
pub struct Bench {
    runner: Runner,
    /// What the overlay covers: no case changes it.
    below: TempDir,
}

/// A case made into a module, and what it must come to.
struct Prediction {
    script: Script,
    /// Standard output and error.
    streams: [Vec<u8>; 2],
    answers: Vec<Answer>,
    model: Model,
}

impl Bench {
    pub fn new() -> Self {
        let builder = Runner::for_policy(Policy::default()).jobs(1).compiler(Compiler::Winch).keep_output(true);
        let below = tempfile::tempdir().unwrap();
        for (path, size) in BELOW {
            let file = below.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, vec![0; size as usize]).unwrap();
        }
        Self { runner: builder.build().unwrap(), below }
    }

    /// Runs a case; an error says where it and the model differ.
    pub fn check(&self, case: &Case, flaw: Option<Flaw>) -> Result<(), TestCaseError> {
        let predicted = predict(case, flaw);
        let granted = tempfile::tempdir().unwrap();
        let module = predicted.script.module(case.end);
        let record = run_module(&self.runner, module, policy(granted.path(), self.below.path()))
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        compare(case, flaw, &predicted, &record)
    }
}

fn policy(granted: &Path, below: &Path) -> Policy {
    let dir = |guest: &str, host: &Path, mode| DirGrant {
        guest: guest.to_owned(),
        host: host.to_owned(),
        mode,
        name: None,
        alias_of: None,
    };
    Policy {
        limits: Limits::default().with(Limit::Fuel, FUEL).with(Limit::Handles, super::model::HANDLES.into()),
        leaks: LeakActions::default().with(LeakSetting::Residue, LeakAction::Ignore),
        dirs: vec![dir(ROOTS[1], granted, Mode::ReadWrite), dir(ROOTS[2], below, Mode::Overlay)],
        ..Policy::default()
    }
}

fn predict(case: &Case, flaw: Option<Flaw>) -> Prediction {
    let mut model = Model::new(flaw);
    let (mut script, mut streams) = (Script::default(), [Vec::new(), Vec::new()]);
    let mut answers = Vec::new();
    for step in &case.steps {
        let printed = match step {
            GuestCall::Write(fd, len) => model.is_stream(*fd).map(|error| (usize::from(error), *len as usize)),
            _ => None,
        };
        let answer = model.step(step);
        if let (Some((stream, len)), Ok(_)) = (printed, &answer) {
            streams[stream].resize(streams[stream].len() + len, 0);
        }
        let (name, args, out) = call(step);
        // Where the model is wrong about the streams, the answers are not where they should be.
        let tell = model.stream();
        script.call_telling(name, &args, out, tell.map(|(fd, _)| fd));
        if let Some((_, error)) = tell {
            let stream = &mut streams[usize::from(error)];
            stream.extend_from_slice(&answer.as_ref().err().copied().unwrap_or(0).to_le_bytes());
            let mut returned = answer.clone().unwrap_or_default();
            returned.resize(out, 0);
            stream.extend_from_slice(&returned);
        }
        answers.push(answer);
    }
    Prediction { script, streams, answers, model }
}

/// The call that a step is, and how many bytes it returns.
fn call(step: &GuestCall) -> (&'static str, Vec<Arg>, usize) {
    use Arg::{Buffer, I32, I64, Out};
    let path = |path: &str| Arg::Path(path.to_owned());
    match step {
        GuestCall::Open(open) => ("path_open", opening(open), 4),
        GuestCall::Close(fd) => ("fd_close", vec![I32(*fd)], 0),
        GuestCall::Renumber(from, to) => ("fd_renumber", vec![I32(*from), I32(*to)], 0),
        GuestCall::Read(fd, len) => ("fd_read", vec![I32(*fd), Buffer(*len), Out], 4),
        GuestCall::Write(fd, len) => ("fd_write", vec![I32(*fd), Buffer(*len), Out], 4),
        GuestCall::Seek(fd, to) => ("fd_seek", vec![I32(*fd), I64(*to), I32(0), Out], 8),
        // Into the last of the memory: what is written must stay zeros.
        GuestCall::ReadDir(fd) => ("fd_readdir", vec![I32(*fd), I32(65_000), I32(LISTED), I64(0), Out], 4),
        GuestCall::SetRights(fd, base, passed) => ("fd_fdstat_set_rights", vec![I32(*fd), I64(*base), I64(*passed)], 0),
        GuestCall::Accept(fd) => ("sock_accept", vec![I32(*fd), I32(0), Out], 4),
        GuestCall::CreateDir(fd, name) => ("path_create_directory", vec![I32(*fd), path(name)], 0),
        GuestCall::RemoveDir(fd, name) => ("path_remove_directory", vec![I32(*fd), path(name)], 0),
        GuestCall::Unlink(fd, name) => ("path_unlink_file", vec![I32(*fd), path(name)], 0),
        GuestCall::Rename(from, name, to, new) => ("path_rename", vec![I32(*from), path(name), I32(*to), path(new)], 0),
    }
}

fn opening(open: &Open) -> Vec<Arg> {
    let how = [open.create, open.directory, open.exclusive, open.truncate];
    let how = how.iter().enumerate().map(|(bit, set)| u32::from(*set) << bit).sum();
    vec![
        Arg::I32(open.dir),
        Arg::I32(1),
        Arg::Path(open.path.to_owned()),
        Arg::I32(how),
        Arg::I64(open.base),
        Arg::I64(open.inheriting),
        Arg::I32(u32::from(open.append)),
        Arg::Out,
    ]
}

fn compare(case: &Case, flaw: Option<Flaw>, predicted: &Prediction, record: &TestRecord) -> Result<(), TestCaseError> {
    let details = record.details.as_deref().cloned().unwrap_or_default();
    let (found, _) = predicted.script.answers(&details.output.stdout);
    prop_assert_eq!(
        [&details.output.stdout, &details.output.stderr],
        [&predicted.streams[0], &predicted.streams[1]],
        "the answers are {:?}; the model has {:?}",
        found,
        predicted.answers
    );
    let normal = match case.end {
        End::Return | End::Exit(0) => true,
        End::Exit(_) => flaw == Some(Flaw::ExitsAreNormal),
        End::Trap | End::Spin => false,
    };
    let held = predicted.model.held();
    let verdict = match case.end {
        _ if normal && held.is_empty() => Verdict::Pass,
        _ if normal => Verdict::Leak,
        End::Exit(_) => Verdict::Exit,
        End::Trap => Verdict::Fail,
        End::Return | End::Spin => Verdict::Timeout,
    };
    prop_assert_eq!(record.verdict, verdict);
    let (leaks, reclaimed) = if normal { (held, Vec::new()) } else { (Vec::new(), held) };
    prop_assert_eq!(listed(&details.leaks), leaks);
    prop_assert_eq!(listed(&details.reclaimed), reclaimed);
    let usage = record.usage.as_ref().and_then(|usage| usage.handles_peak);
    prop_assert_eq!(usage, Some(predicted.model.peak()));
    Ok(())
}

fn listed(resources: &[Resource]) -> Vec<HeldHandle> {
    let held = |resource: &Resource| HeldHandle {
        dir: resource.kind == ResourceKind::Dir,
        fd: resource.fd.unwrap_or(u32::MAX),
        path: resource.path.clone().unwrap_or_default(),
        mode: resource.mode.clone(),
        read: resource.bytes_read,
        written: resource.bytes_written,
    };
    resources.iter().map(held).collect()
}
