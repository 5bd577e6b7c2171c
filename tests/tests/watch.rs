//! `airtight watch`: the tests are run again when a file changes.

use airtight_tests::{command, scratch_dir, workspace, write};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const SUITE: &str = "
#[cfg(test)]
mod tests {
    #[test] fn reads() { assert!(std::fs::read_to_string(\"data.txt\").unwrap().len() < 10); }
    #[test] fn reads_nothing() {}
}
";

/// The lines of both streams of a process, one after the other as they come.
fn lines(child: &mut std::process::Child) -> Receiver<String> {
    let (send, receive) = channel();
    let streams: [Box<dyn std::io::Read + Send>; 2] =
        [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
    for stream in streams {
        let send = send.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
    }
    receive
}

/// The lines until one that holds this.
fn until(lines: &Receiver<String>, wanted: &str) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        match lines.recv_timeout(Duration::from_secs(240)) {
            Ok(line) => {
                let found = line.contains(wanted);
                seen.push(line);
                if found {
                    return seen;
                }
            }
            Err(_) => panic!("`{wanted}` does not come: {seen:#?}"),
        }
    }
}

#[test]
fn a_file_that_changes_runs_what_depends_on_it() {
    let dir = scratch_dir();
    workspace(dir.path(), &[("suite", SUITE)]);
    let (data, results) = (dir.path().join("suite/data.txt"), dir.path().join("target/results"));
    write(&data, "one");
    let mut watch = Command::new(command().get_program());
    watch.envs(command().get_envs().filter_map(|(name, value)| Some((name, value?))));
    watch.current_dir(dir.path()).args(["watch", "--runs", "3", "--color", "never", "--results"]).arg(&results);
    let mut child = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = lines(&mut child);
    let first = until(&lines, "Watching");
    assert!(first.iter().any(|line| line.contains("2 tests run: 2 passed")), "{first:#?}");
    // What a build writes, and what nobody reads, changes no result.
    std::thread::sleep(Duration::from_millis(300));
    write(&dir.path().join("suite/other.txt"), "");
    let second = until(&lines, "Watching");
    assert!(second.iter().any(|line| line.contains("Changed suite/other.txt")), "{second:#?}");
    assert_eq!(second.iter().filter(|line| line.contains("[ (cached)]")).count(), 2, "{second:#?}");
    write(&data, "a text that is too long");
    let third = until(&lines, "Digest");
    assert!(third.iter().any(|line| line.contains("2 tests run: 1 passed, 1 failed")), "{third:#?}");
    assert_eq!(third.iter().filter(|line| line.contains("[ (cached)]")).count(), 1, "{third:#?}");
    assert_eq!(child.wait().unwrap().code(), Some(100), "the status of the last run");
}

/// A folder of the same name is another folder, of which the system tells nothing by itself.
#[test]
fn a_folder_that_is_made_anew_is_watched() {
    const READS_BELOW: &str = "
#[cfg(test)]
mod tests {
    #[test] fn reads() { assert!(std::fs::read_to_string(\"sub/data.txt\").map_or(0, |text| text.len()) < 10); }
}
";
    let dir = scratch_dir();
    workspace(dir.path(), &[("suite", READS_BELOW)]);
    let (sub, results) = (dir.path().join("suite/sub"), dir.path().join("target/results"));
    write(&sub.join("data.txt"), "one");
    let mut watch = Command::new(command().get_program());
    watch.envs(command().get_envs().filter_map(|(name, value)| Some((name, value?))));
    watch.current_dir(dir.path()).args(["watch", "--runs", "4", "--color", "never", "--results"]).arg(&results);
    let mut child = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = lines(&mut child);
    until(&lines, "Watching");
    let settle = || std::thread::sleep(Duration::from_millis(300));
    settle();
    std::fs::remove_dir_all(&sub).unwrap();
    until(&lines, "Watching");
    settle();
    write(&sub.join("data.txt"), "two");
    until(&lines, "Watching");
    settle();
    write(&sub.join("data.txt"), "a text that is too long");
    let last = until(&lines, "Digest");
    assert!(last.iter().any(|line| line.contains("Changed suite/sub/data.txt")), "{last:#?}");
    assert!(last.iter().any(|line| line.contains("1 test run: 0 passed, 1 failed")), "{last:#?}");
    assert_eq!(child.wait().unwrap().code(), Some(100));
}

/// There is nothing that could change for the better.
#[test]
fn a_folder_without_a_package_is_not_watched() {
    let dir = scratch_dir();
    let mut watch = command();
    let ran = airtight_tests::Ran::from(watch.current_dir(dir.path()).arg("watch").output().unwrap());
    assert_eq!(ran.status, Some(96), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("there is no Cargo.toml in"), "{}", ran.stderr);
}
