//! The program in the README and in the guide's `embedding.md` that embeds airtight: it compiles and succeeds as it is
//! printed there.

use std::path::Path;

/// The README's program, in a folder of its own. `tests.wasm` and `airtight.toml` are in it.
fn embed() -> anyhow::Result<()> {
    // The README's lines begin here.
    use airtight::config::Config;
    use airtight::{LoadOptions, Runner, Selection, Subject};

    // Limits, stack and heap accounting are those of the profile `ci`: what the report states is what the engine had.
    let config = Config::load(".".as_ref())?;
    let runner = Runner::builder(&config, "ci")?.build()?;
    let module = runner.load(std::fs::read("tests.wasm")?, LoadOptions::named("tests"))?;
    let plan = runner.plan(vec![Subject::new(module)], &Selection::default())?;
    let report = runner.run(&plan, &mut ())?;
    assert_eq!(report.counts().leak, 0);
    // The README's lines end here.
    assert_eq!(report.counts().pass, 1);
    assert_eq!(report.canonical.policy["limits"]["stack"], 1 << 20);
    Ok(())
}

#[test]
fn the_readme_s_program_runs() {
    let dir = airtight_tests::scratch_dir();
    let module = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#).unwrap();
    std::fs::write(dir.path().join("tests.wasm"), module).unwrap();
    std::fs::write(dir.path().join("airtight.toml"), "[profile.ci]\nstack = \"1MiB\"\n").unwrap();
    // This is the only test of the process that depends on its folder.
    std::env::set_current_dir(dir.path()).unwrap();
    embed().unwrap();
}

#[test]
fn the_readme_has_the_program_as_it_is_here() {
    let here = include_str!("readme.rs");
    let (_, rest) = here.split_once("    // The README's lines begin here.\n").unwrap();
    let (program, _) = rest.split_once("    // The README's lines end here.\n").unwrap();
    let program: String =
        program.lines().map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line))).collect();
    for page in ["README.md", "host/docs/guide/embedding.md"] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page)).unwrap();
        assert!(text.contains(&format!("```rust\n{program}```")), "{page} has another program than:\n{program}");
    }
}
