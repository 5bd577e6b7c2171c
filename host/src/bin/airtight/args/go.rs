//! The command line of `airtight go`: Go's own flags, with one dash as Go writes them, beside airtight's.

use super::RunArgs;
use crate::failure::Failure;
use airtight::{GoFlags, Partition, Selection};
use clap::Args;
use std::ffi::OsString;

/// Flags of `go test` that this command takes with one dash, too.
const SINGLE_DASH: [&str; 42] = [
    "run",
    "skip",
    "bench",
    "benchtime",
    "tags",
    "short",
    "list",
    "race",
    "cover",
    "coverprofile",
    "count",
    "mod",
    "modfile",
    "ldflags",
    "gcflags",
    "trimpath",
    "failfast",
    "timeout",
    "json",
    "parallel",
    "args",
    "vet",
    "benchmem",
    "shuffle",
    "asan",
    "msan",
    "covermode",
    "coverpkg",
    "fuzz",
    "fuzztime",
    "fuzzminimizetime",
    "cpu",
    "exec",
    "c",
    "o",
    "cpuprofile",
    "memprofile",
    "memprofilerate",
    "blockprofile",
    "mutexprofile",
    "trace",
    "outputdir",
];

#[derive(Debug, Args)]
pub struct GoCommand {
    /// Packages, as Go names them: ./..., a directory, an import path. Without any, the one here.
    #[arg(value_name = "PACKAGES")]
    pub packages: Vec<String>,
    /// Run the tests, examples and fuzz tests that match this pattern of Go's; after a slash, their subtests.
    #[arg(id = "run_pattern", long = "run", value_name = "REGEXP", help_heading = "Which tests")]
    pub run_pattern: Option<String>,
    /// Leave out what matches this pattern.
    #[arg(id = "skip_pattern", long = "skip", value_name = "REGEXP", help_heading = "Which tests")]
    pub skip: Option<String>,
    /// Run the benchmarks that match this pattern, each once.
    #[arg(long, value_name = "REGEXP", help_heading = "Which tests")]
    pub bench: Option<String>,
    /// Tell tests that they are to be short.
    #[arg(long, help_heading = "Which tests")]
    pub short: bool,
    /// Print the tests that match this pattern, and run none.
    #[arg(long, value_name = "REGEXP", help_heading = "Which tests")]
    pub list: Option<String>,
    /// Look instead for tests that depend on others: run the tests of each package together, in so many orders, as `airtight pollution`
    /// does.
    #[arg(
        long,
        value_name = "ORDERS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "5",
        value_parser = clap::value_parser!(u32).range(1..=10_000),
        help_heading = "Which tests"
    )]
    pub pollution: Option<u32>,
    /// Run one part of the tests, for example slice:1/3.
    #[arg(long, value_name = "slice:M/N", help_heading = "Which tests")]
    pub partition: Option<Partition>,
    /// Build with these tags.
    #[arg(long, value_name = "TAGS", help_heading = "What to build")]
    pub tags: Option<String>,
    /// How modules are found: readonly, vendor or mod.
    #[arg(id = "module_mode", long = "mod", value_name = "MODE", help_heading = "What to build")]
    pub module_mode: Option<String>,
    /// Another go.mod.
    #[arg(long, value_name = "FILE", help_heading = "What to build")]
    pub modfile: Option<String>,
    /// Flags for Go's linker.
    #[arg(long, value_name = "FLAGS", allow_hyphen_values = true, help_heading = "What to build")]
    pub ldflags: Option<String>,
    /// Flags for Go's compiler.
    #[arg(long, value_name = "FLAGS", allow_hyphen_values = true, help_heading = "What to build")]
    pub gcflags: Option<String>,
    /// Take the paths of this machine out of what is built.
    #[arg(long, help_heading = "What to build")]
    pub trimpath: bool,
    #[command(flatten)]
    pub refused: RefusedGoArgs,
    #[command(flatten)]
    pub run: RunArgs,
    /// Arguments of the tests' own: what follows `-args` or `--`.
    #[arg(last = true, value_name = "ARG")]
    pub rest: Vec<String>,
}

/// Flags of `go test` that are known, and cannot have their meaning here.
#[derive(Debug, Args)]
pub struct RefusedGoArgs {
    #[arg(long, hide = true)]
    race: bool,
    #[arg(long, hide = true)]
    cover: bool,
    #[arg(long, hide = true)]
    coverprofile: Option<String>,
    #[arg(long, hide = true)]
    json: bool,
    #[arg(long, hide = true, default_value_t = 1)]
    count: u64,
    #[arg(long, hide = true)]
    parallel: Option<String>,
    #[arg(long, hide = true)]
    benchtime: Option<String>,
    #[arg(long, hide = true)]
    benchmem: bool,
    #[arg(long, hide = true)]
    vet: Option<String>,
    #[arg(long, hide = true)]
    asan: bool,
    #[arg(long, hide = true)]
    msan: bool,
    #[arg(long, hide = true)]
    covermode: Option<String>,
    #[arg(long, hide = true)]
    coverpkg: Option<String>,
    #[arg(long, hide = true)]
    fuzz: Option<String>,
    #[arg(long, hide = true)]
    fuzztime: Option<String>,
    #[arg(long, hide = true)]
    fuzzminimizetime: Option<String>,
    #[arg(long, hide = true)]
    cpu: Option<String>,
    #[arg(long, hide = true)]
    exec: Option<String>,
    #[arg(long = "c", hide = true)]
    only_build: bool,
    #[arg(long = "o", hide = true)]
    output_file: Option<String>,
    #[arg(long, hide = true)]
    cpuprofile: Option<String>,
    #[arg(long, hide = true)]
    memprofile: Option<String>,
    #[arg(long, hide = true)]
    memprofilerate: Option<String>,
    #[arg(long, hide = true)]
    blockprofile: Option<String>,
    #[arg(long, hide = true)]
    mutexprofile: Option<String>,
    #[arg(id = "go_trace", long = "trace", hide = true)]
    trace: Option<String>,
    #[arg(long, hide = true)]
    outputdir: Option<String>,
}

impl RefusedGoArgs {
    fn check(&self) -> Result<(), Failure> {
        let coverage = "no files leave the sandbox, so coverage cannot be written";
        let profiles = "no files leave the sandbox: `--report pprof=PATH` tells of the heap, and --fuel-profile where a test spends its time";
        let sanitizer = "sanitizers do not exist for wasm: run `go test` with it beside this";
        let fuzzing = "seeds and the corpus are run as tests; to look for more, run `go test -fuzz`, whose finds in testdata are run here then";
        let builds =
            "what is built is run at once: to keep it, `GOOS=wasip1 GOARCH=wasm go test -c`, and then `airtight run`";
        let refused = [
            (
                self.race,
                "-race",
                "the race detector does not exist for wasm, where all goroutines share one thread: run `go test -race` beside this",
            ),
            (self.cover, "-cover", coverage),
            (self.coverprofile.is_some(), "-coverprofile", coverage),
            (self.json, "-json", "results are told by `--report json=PATH`, in airtight's own words"),
            (self.covermode.is_some(), "-covermode", coverage),
            (self.coverpkg.is_some(), "-coverpkg", coverage),
            (self.cpuprofile.is_some(), "-cpuprofile", profiles),
            (self.memprofile.is_some(), "-memprofile", profiles),
            (self.memprofilerate.is_some(), "-memprofilerate", profiles),
            (self.blockprofile.is_some(), "-blockprofile", profiles),
            (self.mutexprofile.is_some(), "-mutexprofile", profiles),
            (self.trace.is_some(), "-trace", profiles),
            (self.outputdir.is_some(), "-outputdir", profiles),
            (self.asan, "-asan", sanitizer),
            (self.msan, "-msan", sanitizer),
            (self.fuzz.is_some(), "-fuzz", fuzzing),
            (self.fuzztime.is_some(), "-fuzztime", fuzzing),
            (self.fuzzminimizetime.is_some(), "-fuzzminimizetime", fuzzing),
            (self.cpu.is_some(), "-cpu", "all goroutines share one thread, so that GOMAXPROCS is 1"),
            (
                self.vet.as_ref().is_some_and(|checks| checks != "off"),
                "-vet",
                "nothing is vetted here: run `go vet` beside this",
            ),
            (self.exec.is_some(), "-exec", "airtight runs what is built itself"),
            (self.only_build, "-c", builds),
            (self.output_file.is_some(), "-o", builds),
            (self.count != 1, "-count", "a test ends the same way each time; it is run once"),
        ];
        match refused.into_iter().find(|(given, ..)| *given) {
            Some((_, flag, why)) => Err(Failure::usage(format!("{flag}: {why}"))),
            None => Ok(()),
        }
    }
}

impl GoCommand {
    /// Refuses what has no meaning here.
    ///
    /// # Errors
    /// Such a flag was given.
    pub fn check(&self) -> Result<(), Failure> {
        self.refused.check()
    }

    /// Which tests, and what they are given.
    pub fn selection(&self) -> Selection {
        let valued = [("parallel", &self.refused.parallel), ("benchtime", &self.refused.benchtime)];
        let valued = valued.into_iter().filter_map(|(name, value)| Some(format!("-test.{name}={}", value.as_ref()?)));
        let short = self.short.then(|| "-test.short=true".to_owned());
        let memory = self.refused.benchmem.then(|| "-test.benchmem=true".to_owned());
        let go = GoFlags {
            run: self.run_pattern.clone().or_else(|| self.list.clone()),
            skip: self.skip.clone(),
            bench: self.bench.clone().or_else(|| self.list.clone()),
            passed: short.into_iter().chain(memory).chain(valued).chain(self.rest.iter().cloned()).collect(),
            ..GoFlags::default()
        };
        Selection { partition: self.partition, go, ..Selection::default() }
    }

    /// What Go is given to build with.
    pub fn build_flags(&self) -> Vec<String> {
        let valued = [
            ("tags", &self.tags),
            ("mod", &self.module_mode),
            ("modfile", &self.modfile),
            ("ldflags", &self.ldflags),
            ("gcflags", &self.gcflags),
        ];
        let valued = valued.into_iter().filter_map(|(name, value)| Some(format!("-{name}={}", value.as_ref()?)));
        valued.chain(self.trimpath.then(|| "-trimpath".to_owned())).collect()
    }
}

/// The program's arguments, in which flags of Go's have two dashes: with one, as Go has them, no other command knows them.
pub fn with_two_dashes(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    let command = args.iter().skip(1).position(|arg| !arg.to_string_lossy().starts_with('-')).map(|at| at + 1);
    let Some(command) = command.filter(|at| args[*at] == "go") else { return args };
    for arg in &mut args[command + 1..] {
        let Some(text) = arg.to_str() else { continue };
        if text == "--" {
            break;
        }
        let Some(flag) = text.strip_prefix('-').filter(|flag| !flag.starts_with('-')) else { continue };
        // The binary's own flags begin so; they are the same.
        let flag = flag.strip_prefix("test.").unwrap_or(flag);
        let name = flag.split('=').next().unwrap_or(flag);
        if name == "args" {
            *arg = "--".into();
            break;
        }
        if SINGLE_DASH.contains(&name) {
            let flag = flag.replacen("failfast", "fail-fast", 1);
            *arg = format!("--{flag}").into();
        }
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Command, Program};
    use clap::Parser;

    fn parse(line: &str) -> GoCommand {
        let args = with_two_dashes(line.split_whitespace().map(OsString::from));
        match Program::parse_from(args).command {
            Command::Go(command) => *command,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn flags_are_written_as_go_writes_them() {
        let command = parse("airtight go ./... -run ^TestA$ -tags=a,b -short -failfast -timeout 30s -j 2 -args -run x");
        assert_eq!(command.packages, ["./..."]);
        assert!(command.run.fail_fast && command.run.jobs == 2);
        let selection = command.selection();
        assert_eq!(selection.go.run.as_deref(), Some("^TestA$"));
        assert_eq!(selection.go.passed, ["-test.short=true", "-run", "x"]);
        assert_eq!(command.build_flags(), ["-tags=a,b"]);
        assert_eq!(parse("airtight -v go --run TestA").selection().go.run.as_deref(), Some("TestA"));
        let flags = "airtight go -test.run=TestA -test.short -vet=off -benchmem -shuffle=7";
        assert_eq!(parse(flags).selection().go.run.as_deref(), Some("TestA"));
        assert_eq!(parse(flags).selection().go.passed, ["-test.short=true", "-test.benchmem=true"]);
        assert!(parse(flags).check().is_ok() && parse(flags).build_flags().is_empty());
        assert_eq!(parse("airtight go -list .").selection().go.bench.as_deref(), Some("."));
    }

    #[test]
    fn other_commands_keep_their_arguments() {
        let line = ["airtight", "run", "a.wasm", "--", "-run", "x"].map(OsString::from);
        assert_eq!(with_two_dashes(line.clone().into_iter()), line);
    }

    #[test]
    fn what_cannot_be_had_is_refused_with_the_reason() {
        for (line, why) in [
            ("-race", "-race: the race detector does not exist for wasm"),
            ("-cover", "-cover: no files leave the sandbox"),
            ("-coverprofile=c.out", "-coverprofile: no files"),
            ("-json", "-json: results are told by"),
            ("-fuzz=Parse", "-fuzz: seeds and the corpus are run as tests"),
            ("-cpu=1,2", "-cpu: all goroutines share one thread"),
            ("-cpuprofile=c.out", "-cpuprofile: no files leave the sandbox"),
            ("-trace=t.out", "-trace: no files leave the sandbox"),
            ("-asan", "-asan: sanitizers do not exist"),
            ("-c", "-c: what is built is run at once"),
            ("-vet=all", "-vet: nothing is vetted here"),
            ("-exec=x", "-exec: airtight runs"),
            ("-count=3", "-count: a test ends the same way"),
        ] {
            let error = parse(&format!("airtight go {line}")).check().unwrap_err().to_string();
            assert!(error.starts_with(why), "{error}");
        }
        assert!(parse("airtight go -count=1").check().is_ok());
    }

    #[test]
    fn an_order_is_a_number_and_go_has_words_for_it() {
        for (order, why) in
            [("on", "give one, for example 7"), ("off", "leave the flag out"), ("-1", "write a whole number")]
        {
            let args =
                with_two_dashes(["airtight", "go", &format!("-shuffle={order}")].map(OsString::from).into_iter());
            let error = Program::try_parse_from(args).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        assert_eq!(parse("airtight go -shuffle 7").run.shuffle, Some(7));
    }
}
