//! `--cached`: results of earlier runs are used where they cannot have changed, and nowhere else.

use airtight_tests::{Ran, airtight_test, command, digest, guest, read_report, run, scratch_dir, workspace, write};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// Runs tests of a module with a folder of results, and gives the digest too.
fn cached(dir: &Path, args: &[&str]) -> (Ran, String) {
    let report = dir.join("report.json");
    let (results, to) = (dir.join("results"), format!("json={}", report.display()));
    let _ = fs::remove_file(&report);
    let own = ["run", "--cached", "--results", results.to_str().unwrap(), "--color", "never", "--report", &to];
    let ran = run(dir, own.iter().chain(args));
    assert!(report.exists(), "{}{}", ran.stdout, ran.stderr);
    (ran, digest(&read_report(&report)).to_owned())
}

/// How many tests were cached.
fn taken(ran: &Ran) -> usize {
    ran.stdout.lines().filter(|line| line.contains("[ (cached)]")).count()
}

/// The results in a folder.
fn entries(dir: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(dir.join("results")).unwrap().map(|folder| folder.unwrap().path());
    let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()));
    files.collect()
}

#[test]
fn a_result_is_taken_where_nothing_has_changed() {
    let dir = scratch_dir();
    let module = guest("plain/files").to_str().unwrap();
    let (first, digest) = cached(dir.path(), &[module]);
    assert_eq!(taken(&first), 0, "{}", first.stdout);
    let (second, same) = cached(dir.path(), &[module]);
    let passed = second.stdout.lines().filter(|line| line.trim_start().starts_with("PASS")).count();
    assert!(passed > 3 && taken(&second) == passed, "{}", second.stdout);
    assert_eq!((second.status, &same), (first.status, &digest), "leaks are found again, and the digest is the same");
    assert!(second.stdout.contains("cached: nothing that their results depend on has changed"), "{}", second.stdout);
    // A run without is the same, too.
    let to = format!("json={}", dir.path().join("plain.json").display());
    run(dir.path(), ["run", module, "--report", &to]);
    assert_eq!(airtight_tests::digest(&read_report(&dir.path().join("plain.json"))), digest);
    // One test by itself, on other threads, is the same test; under another seed, limit or compiler it is another one.
    let one = [module, "--exact", "--", "pass_everything_closed"];
    assert_eq!(taken(&cached(dir.path(), &[&["-j", "1"][..], &one].concat()).0), 1);
    for other in [&["--seed", "7"][..], &["--fuel", "900M"], &["--engine", "winch"], &["--env", "A=b"], &["--go-heap"]]
    {
        assert_eq!(taken(&cached(dir.path(), &[other, &one].concat()).0), 0, "{other:?}");
        assert_eq!(taken(&cached(dir.path(), &[other, &one].concat()).0), 1, "{other:?}");
    }
}

#[test]
fn what_a_test_reads_is_part_of_its_result() {
    let dir = scratch_dir();
    let suite = "
#[cfg(test)]
mod tests {
    #[test] fn reads() { assert!(std::fs::read_to_string(\"data/a.txt\").unwrap().len() < 100); }
    #[test] fn lists() { assert!(std::fs::read_dir(\"data\").unwrap().count() < 10); }
    #[test] fn finds_nothing() { assert!(!std::path::Path::new(\"data/none.txt\").exists()); }
    #[test] fn reads_nothing() {}
    #[test] fn follows() { assert!(std::fs::read_to_string(\"link.txt\").unwrap().len() < 100); }
}
";
    workspace(dir.path(), &[("suite", suite)]);
    let package = dir.path().join("suite");
    fs::create_dir(package.join("data")).unwrap();
    write(&package.join("data/a.txt"), "one");
    std::os::unix::fs::symlink("data/a.txt", package.join("link.txt")).unwrap();
    let results = dir.path().join("results");
    let taken = || {
        // What was changed just before a run is not recorded by it.
        sleep(Duration::from_millis(200));
        let results = results.to_str().unwrap();
        let ran = airtight_test(dir.path(), &["--cached", "--results", results], &[]);
        assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
        let lines = ran.stdout.lines().filter(|line| line.contains("[ (cached)]"));
        let mut names: Vec<_> = lines.map(|line| line.rsplit("::").next().unwrap().to_owned()).collect();
        names.sort();
        (names.join(" "), ran)
    };
    assert_eq!(taken().0, "");
    let (all, ran) = taken();
    assert_eq!(all, "finds_nothing lists reads reads_nothing", "{}", ran.stdout);
    assert!(ran.stdout.contains("1 test is not cached: it reads through a symbolic link"), "{}", ran.stdout);
    write(&package.join("data/a.txt"), "two");
    assert_eq!(taken().0, "finds_nothing lists reads_nothing");
    assert_eq!(taken().0, all);
    write(&package.join("data/b.txt"), "");
    assert_eq!(taken().0, "finds_nothing reads reads_nothing");
    write(&package.join("data/none.txt"), "");
    let failed = airtight_test(dir.path(), &["--cached", "--results", results.to_str().unwrap()], &[]);
    assert_eq!(failed.status, Some(100), "{}", failed.stdout);
    fs::remove_file(package.join("data/none.txt")).unwrap();
    fs::remove_file(package.join("data/b.txt")).unwrap();
    // What is as it was before: its result is there still.
    write(&package.join("data/a.txt"), "one");
    assert_eq!(taken().0, all);
}

/// What a CI service keeps of one machine's folder and restores on another: other paths, times and modes.
#[test]
fn a_folder_of_results_serves_another_machine() {
    let (one, other) = (scratch_dir(), scratch_dir());
    for dir in [&one, &other] {
        fs::copy(guest("plain/files"), dir.path().join("files.wasm")).unwrap();
    }
    let (first, digest) = cached(one.path(), &["files.wasm"]);
    assert_eq!(taken(&first), 0, "{}", first.stdout);
    for entry in entries(one.path()) {
        let folder = other.path().join("results").join(entry.parent().unwrap().file_name().unwrap());
        fs::create_dir_all(&folder).unwrap();
        // Without the times and the mode of the file that it was.
        write(&folder.join(entry.file_name().unwrap()), &fs::read_to_string(&entry).unwrap());
    }
    let kept = entries(other.path()).len();
    let (second, same) = cached(other.path(), &["files.wasm"]);
    assert!(kept > 3 && taken(&second) == kept, "{} of {kept}: {}", taken(&second), second.stdout);
    assert_eq!((second.status, same), (first.status, digest));
}

/// What a grant shows of the machine is read again, and told by what is in it.
#[test]
fn what_a_test_reads_through_a_grant_is_part_of_its_result() {
    let dir = scratch_dir();
    let suite = "
#[cfg(test)]
mod tests {
    #[test] fn reads() { assert_eq!(std::fs::read_to_string(\"/granted/a.txt\").unwrap().len(), 3); }
    #[test] fn reads_nothing() {}
}
";
    workspace(dir.path(), &[("suite", suite)]);
    let results = dir.path().join("results");
    for mode in ["read-only", "overlay"] {
        let granted = dir.path().join("suite").join(mode);
        fs::create_dir(&granted).unwrap();
        write(
            &dir.path().join("airtight.toml"),
            &format!("[[profile.default.dir]]\nguest = \"/granted\"\nhost = \"suite/{mode}\"\nmode = \"{mode}\"\n"),
        );
        let run = |text: &str| {
            write(&granted.join("a.txt"), text);
            sleep(Duration::from_millis(200));
            let ran = airtight_test(dir.path(), &["--cached", "--results", results.to_str().unwrap()], &[]);
            (taken(&ran), ran.status, ran.stdout + &ran.stderr)
        };
        let [first, second, other, too_long] = ["one", "one", "two", "four"].map(run);
        assert_eq!((first.0, first.1), (0, Some(0)), "{mode}: {}", first.2);
        assert_eq!((second.0, second.1), (2, Some(0)), "{mode}: {}", second.2);
        assert_eq!((other.0, other.1), (1, Some(0)), "{mode}: {}", other.2);
        assert_eq!((too_long.0, too_long.1), (1, Some(100)), "{mode}: {}", too_long.2);
    }
}

#[test]
fn a_damaged_result_is_not_taken() {
    let dir = scratch_dir();
    let module = guest("plain/endings").to_str().unwrap();
    cached(dir.path(), &[module]);
    let (second, digest) = cached(dir.path(), &[module]);
    let all = taken(&second);
    assert!(all > 1, "{}", second.stdout);
    let entries = entries(dir.path());
    assert_eq!(entries.len(), all);
    // Other contents under the name; those of another test; others may write it.
    let text = fs::read_to_string(&entries[0]).unwrap();
    write(&entries[0], &text.replace("\"verdict\":\"pass\"", "\"verdict\":\"leak\""));
    let (third, same) = cached(dir.path(), &[module]);
    assert_eq!((taken(&third), same), (all - 1, digest.clone()), "{}", third.stdout);
    let other = entries[1].parent().unwrap().join(entries[0].file_name().unwrap());
    write(&other, &text);
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&entries[1], fs::Permissions::from_mode(0o666)).unwrap();
    let (fourth, same) = cached(dir.path(), &[module]);
    assert_eq!((taken(&fourth), same), (all - 1, digest), "{}", fourth.stdout);
}

#[test]
fn what_cannot_be_known_to_be_the_same_is_not_cached_and_that_is_said() {
    let dir = scratch_dir();
    let module = guest("plain/endings").to_str().unwrap();
    write(&dir.path().join("airtight.toml"), "[profile.default]\nclock = \"real\"\n");
    for _ in 0..2 {
        let (ran, _) = cached(dir.path(), &[module, "--trust"]);
        assert_eq!(taken(&ran), 0, "{}", ran.stdout);
        assert!(ran.stdout.contains("is granted something of the real world"), "{}", ran.stdout);
    }
    fs::remove_file(dir.path().join("airtight.toml")).unwrap();
    cached(dir.path(), &[module]);
    let (shown, _) = cached(dir.path(), &[module, "--show-output", "always"]);
    assert_eq!(taken(&shown), 0);
    assert!(shown.stdout.contains("no result is cached: output of tests that pass"), "{}", shown.stdout);
    let refused = run(dir.path(), ["run", "--cached", "--no-cache", module]);
    assert_eq!(refused.status, Some(2), "{}", refused.stderr);
}

#[test]
fn verify_proves_what_is_recorded() {
    let dir = scratch_dir();
    let module = guest("plain/endings").to_str().unwrap();
    let results = dir.path().join("results");
    let prove = |more: &[&str]| {
        let mut command = command();
        command
            .current_dir(dir.path())
            .args(["verify", "--cached", "--results", results.to_str().unwrap(), module])
            .args(more);
        Ran::from(command.output().unwrap())
    };
    let nothing = prove(&[]);
    assert_eq!(nothing.status, Some(4), "{}{}", nothing.stdout, nothing.stderr);
    cached(dir.path(), &[module]);
    let all = entries(dir.path()).len();
    let proved = prove(&[]);
    assert_eq!(proved.status, Some(0), "{}{}", proved.stdout, proved.stderr);
    assert!(proved.stdout.contains(&format!("{all} recorded results proved, 0 differ")), "{}", proved.stdout);
    assert!(prove(&["--sample", "1"]).stdout.contains("1 recorded result proved, 0 differ"));
    // A result that is whole and wrong is found: it can only be made by hand.
    let entry = &entries(dir.path())[0];
    let text = fs::read_to_string(entry).unwrap();
    let wrong = text.replacen("\"fuel\":", "\"fuel\":1", 1);
    fs::remove_file(entry).unwrap();
    let sum = format!("{:x}", <sha2::Sha256 as sha2::Digest>::digest(&wrong));
    write(&entry.with_file_name(sum).with_extension("json"), &wrong);
    let differs = prove(&[]);
    assert_eq!(differs.status, Some(100), "{}{}", differs.stdout, differs.stderr);
    assert!(differs.stdout.contains("DIFFERS") && differs.stdout.contains("1 differ"), "{}", differs.stdout);
}

/// What is known of a test that a stopped run was in the midst of is less than its result.
#[test]
fn a_run_that_is_interrupted_records_no_half_results() {
    let dir = scratch_dir();
    let module = guest("heap/kept").to_str().unwrap();
    let to = format!("json={}", dir.path().join("plain.json").display());
    run(dir.path(), ["run", module, "--report", &to]);
    let plain = read_report(&dir.path().join("plain.json"));
    let results = dir.path().join("results");
    let mut interrupted = 0;
    for nth in [1, 2, 4, 8] {
        let mut started = Command::new(command().get_program());
        started.envs(command().get_envs().filter_map(|(name, value)| Some((name, value?))));
        started.current_dir(dir.path()).args(["run", "--cached", "-j", "2", "--color", "never", "--results"]);
        started.arg(&results).arg(module).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = started.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut ended = 0;
        while ended < nth
            && let Some(line) = lines.next()
        {
            ended += usize::from(["PASS", "LEAK", "FAIL"].iter().any(|word| line.trim_start().starts_with(word)));
        }
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
        lines.for_each(drop);
        interrupted += u32::from(child.wait().unwrap().code() == Some(130));
        let (_, same) = cached(dir.path(), &[module]);
        assert_eq!(same, digest(&plain), "after {nth} tests");
        fs::remove_dir_all(&results).unwrap();
    }
    assert!(interrupted > 0, "each run had ended before it could be interrupted");
}
