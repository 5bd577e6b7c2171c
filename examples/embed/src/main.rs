//! Runs tests from a program of one's own and decides on the report in code: `cargo run -p airtight-embed`.
//!
//! No toolchain is needed here: the modules are text, and each is one test (a `command`), which imports what it uses of WASI.
//! A module from a file is loaded the same way.

use airtight::LoadOptions;
use airtight::policy::{Limit, Limits, Policy};
use airtight::report::{Report, ResourceKind, Verdict};
use airtight::{Runner, Selection, Subject};
use anyhow::{Context, Result, ensure};

/// Creates `forgotten` in the first directory it has (descriptor 3, the scratch file system `/tmp`) and returns without
/// closing it. The arguments are: directory, look-up flags, path and its length, "create", rights, flags, where to put the
/// descriptor.
const LEAKS: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "forgotten")
    (func (export "_start")
        (if (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 1)
                (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 16))
            (then unreachable))))"#;

/// Asks for 64 MiB more, and gives up where it does not get them.
const GROWS: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "_start")
        (if (i32.eq (memory.grow (i32.const 1024)) (i32.const -1)) (then unreachable))))"#;

fn main() -> Result<()> {
    // A test gets what the policy names, and this one names nothing but limits.
    let limits = Limits::default().with(Limit::Memory, 16 << 20);
    let policy = Policy { limits, ..Policy::default() };
    // One runner does any number of runs under that policy; it owns the engine and the threads. Programs that are configured
    // by a file make theirs with `Runner::builder`.
    let runner = Runner::for_policy(policy).build()?;
    let report = run(&runner, &[("leaks", LEAKS), ("grows", GROWS)])?;

    // Modules are in the order of their names, whatever the order of the runs was.
    let [grows, leaks] = &report.canonical.modules[..] else { anyhow::bail!("two modules were run") };

    let details = leaks.tests[0].details.as_deref().context("a leak has details")?;
    ensure!(leaks.tests[0].verdict == Verdict::Leak);
    ensure!(details.leaks[0].kind == ResourceKind::File);
    ensure!(details.leaks[0].path.as_deref() == Some("/tmp/forgotten"));

    let details = grows.tests[0].details.as_deref().context("a broken limit has details")?;
    let limit = details.limit.as_ref().context("there is a limit")?;
    ensure!(grows.tests[0].verdict == Verdict::Memory);
    ensure!((limit.name.known(), limit.value) == (Some(Limit::Memory), 16 << 20));

    // What this machine may compare with another one.
    println!("a leak and a broken limit, as expected: {}", report.digest);
    Ok(())
}

fn run(runner: &Runner, modules: &[(&str, &str)]) -> Result<Report> {
    let mut subjects = Vec::new();
    for (name, text) in modules {
        let options = LoadOptions::named(*name);
        let module = runner.load(wat::parse_str(text)?, options)?;
        subjects.push(Subject::new(module));
    }
    let plan = runner.plan(subjects, &Selection::default())?;
    // The listener hears of each test as it ends; `()` does not listen.
    Ok(runner.run(&plan, &mut ())?)
}
