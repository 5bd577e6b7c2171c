//! The commands of a workflow for GitHub Actions and of a Kubernetes job, run here one after the other.

use crate::shop::Shop;
use airtight_tests::{digest, read_report};
use yaml_rust2::{Yaml, YamlLoader};

/// Actions of others that a page uses. What they do is done by the one folder in which all jobs run here.
const ACTIONS: [&str; 4] = [
    "actions/checkout@v4",
    "actions/upload-artifact@v4",
    "actions/download-artifact@v4",
    "github/codeql-action/upload-sarif@v3",
];

/// Commands that set a machine up, which this one is.
const SET_UP: [&str; 2] = [
    "cargo install --locked --git https://github.com/airtight-rs/airtight airtight",
    "rustup target add wasm32-wasip1",
];

/// Runs what a page shows: a workflow, steps of one, or a job.
pub fn run(shop: &mut Shop, text: &str, place: &str) {
    let read = YamlLoader::load_from_str(text).unwrap_or_else(|error| panic!("{place}: {error}"));
    let [document] = &read[..] else { panic!("{place}: there is one document") };
    if !document["kind"].is_badvalue() {
        return job(shop, document, place);
    }
    let steps_alone = document.as_vec().map(|steps| vec![(steps, vec![String::new()])]);
    let jobs = document["jobs"].as_hash().into_iter().flatten().map(|(_, job)| {
        let steps = job["steps"].as_vec().unwrap_or_else(|| panic!("{place}: a job has steps"));
        assert_eq!(job["runs-on"].as_str(), Some("ubuntu-latest"), "{place}");
        let parts = job["strategy"]["matrix"]["part"].as_vec();
        let parts = parts.map(|parts| parts.iter().map(|part| part.as_i64().unwrap().to_string()).collect());
        (steps, parts.unwrap_or_else(|| vec![String::new()]))
    });
    let jobs: Vec<(&Vec<Yaml>, Vec<String>)> = steps_alone.unwrap_or_else(|| jobs.collect());
    assert!(!jobs.is_empty(), "{place}: there is nothing to run");
    for (steps, parts) in jobs {
        for part in parts {
            for step in steps {
                match (step["uses"].as_str(), step["run"].as_str()) {
                    (Some(action), None) => assert!(ACTIONS.contains(&action), "{place}: {action}"),
                    (None, Some(line)) => one_step(shop, &line.replace("${{ matrix.part }}", &part), place),
                    _ => panic!("{place}: a step uses an action or runs a line"),
                }
            }
        }
    }
}

fn one_step(shop: &mut Shop, line: &str, place: &str) {
    assert!(!line.contains("${{"), "{place}: an expression is not known: {line}");
    let line = SET_UP.iter().fold(line.to_owned(), |line, set_up| line.replace(set_up, "true"));
    let ran = shop.run(&line);
    // The part of a suite that fails fails the job of the whole; steps before it go on, by what they say themselves.
    assert!(matches!(ran.status, Some(0 | 100)), "{place}: {line}\n{}{}", ran.stdout, ran.stderr);
    assert!(!line.contains("[ $? -eq 100 ]") || ran.status == Some(0), "{place}: {line}");
}

/// Runs the command of an indexed job once for each index, and holds what the parts come to together to a run of the whole.
fn job(shop: &mut Shop, job: &Yaml, place: &str) {
    assert_eq!((job["apiVersion"].as_str(), job["kind"].as_str()), (Some("batch/v1"), Some("Job")), "{place}");
    let spec = &job["spec"];
    assert_eq!(spec["completionMode"].as_str(), Some("Indexed"), "{place}");
    let completions = spec["completions"].as_i64().unwrap();
    assert!(spec["parallelism"].as_i64() <= Some(completions) && spec["backoffLimit"].as_i64() == Some(0), "{place}");
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["restartPolicy"].as_str(), Some("Never"), "{place}");
    let container = &pod["containers"][0];
    let mounted = container["volumeMounts"][0]["name"].as_str();
    assert!(mounted.is_some() && mounted == pod["volumes"][0]["name"].as_str(), "{place}: a mount is of a volume");
    assert_eq!(container["volumeMounts"][0]["mountPath"].as_str(), Some("/reports"), "{place}");
    let shell: Vec<_> = container["command"].as_vec().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(shell, ["sh", "-c"], "{place}");
    let script = container["args"][0].as_str().unwrap();
    assert!(script.contains(&format!("/{completions}\"")), "{place}: the parts are as many as the completions");
    let reports = shop.reports();
    let script = script.replace("/reports/", &format!("{}/", reports.display()));
    for index in 0..completions {
        let ran = shop.run_with(&script, &[("JOB_COMPLETION_INDEX", &index.to_string())]);
        assert_eq!(ran.status, Some(0), "{place}: index {index}\n{}{}", ran.stdout, ran.stderr);
    }
    let whole = reports.join("whole.json");
    shop.run(&format!("airtight run *.wasm --report json={}", whole.display()));
    shop.run(&format!("airtight merge {0}/part-*.json --report json={0}/merged.json", reports.display()));
    let merged = read_report(&reports.join("merged.json"));
    assert_eq!(digest(&merged), digest(&read_report(&whole)), "{place}: the parts are not the whole");
}
