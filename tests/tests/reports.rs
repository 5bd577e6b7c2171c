//! Report files of real runs in every format: the HTML page in a real browser, and the harness's JSON beside nextest's own.

use airtight::report::files::ReportKind;
use airtight::report::trace::{TraceEvent, TraceKind};
use airtight::report::{
    Canonical, Details, Frame, ModuleRecord, Report, Resource, ResourceKind, TestRecord, TestTime, TestTimeline,
    TimelinePoint, Verdict, Volatile, json,
};
use airtight_tests::{Ran, airtight_test, assert_follows_schema, command, compile, guest, run, scratch_dir, write};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that ends well, one that leaves a file, and one that traps.
fn modules(dir: &Path) -> Vec<PathBuf> {
    let wat = |name: &str, body: &str| {
        let text = format!(r#"(module (memory (export "memory") 1) (func (export "_start") {body}))"#);
        let path = dir.join(name).with_extension("wasm");
        std::fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
        path
    };
    vec![wat("passes", ""), wat("traps", "unreachable"), compile("leak_by_hand", dir)]
}

#[test]
fn every_kind_is_written() {
    let dir = scratch_dir();
    let path = |kind: ReportKind| dir.path().join(format!("report.{kind}"));
    let reports = ReportKind::ALL.map(|kind| format!("--report={kind}={}", path(kind).display()));
    let modules = modules(dir.path());
    let files = modules.iter().map(|file| file.to_str().unwrap().to_owned());
    let ran = run(dir.path(), ["run".to_owned()].into_iter().chain(files).chain(reports));
    assert_eq!(ran.status, Some(100), "{}", ran.stderr);
    for kind in ReportKind::ALL {
        assert!(std::fs::metadata(path(kind)).is_ok_and(|file| file.len() > 50), "{kind}");
    }
    // What is written is what the library makes of the report that was written.
    let report = json::read(&path(ReportKind::Json)).unwrap();
    for kind in [ReportKind::Prometheus, ReportKind::ChromeTrace, ReportKind::Github, ReportKind::Sarif] {
        assert_eq!(std::fs::read(path(kind)).unwrap(), kind.write(&report, None), "{kind}");
    }
    let trace: Value = serde_json::from_slice(&std::fs::read(path(ReportKind::ChromeTrace)).unwrap()).unwrap();
    let placed = trace["traceEvents"].as_array().unwrap().iter().filter(|event| event["ph"] == "X").count();
    assert_eq!((placed, &trace["otherData"]["tests-without-a-start"]), (3, &Value::from(0)));
}

/// Whether or not there is a gate: a place from which nothing comes back is more than the leak of one test.
#[test]
fn a_place_that_never_releases_is_a_finding_of_its_own_in_sarif() {
    let dir = scratch_dir();
    let module = guest("plain/files").to_str().unwrap();
    let to = |name: &str| format!("--report={name}={}", dir.path().join(name).display());
    let rules = |args: &[&str]| {
        let ran = run(dir.path(), [&["run", module, &to("sarif"), &to("json")][..], args].concat());
        assert_eq!(ran.status, Some(100), "{}", ran.stderr);
        let log: Value = serde_json::from_slice(&std::fs::read(dir.path().join("sarif")).unwrap()).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        let rule = |found: &Value| found["ruleId"].as_str().unwrap().to_owned();
        results.iter().map(rule).filter(|rule| rule.starts_with("never-released/")).collect::<Vec<_>>()
    };
    let found = rules(&[]);
    assert!(found.iter().any(|rule| rule == "never-released/file"), "{found:?}");
    let report = json::read(&dir.path().join("json")).unwrap();
    assert!(report.canonical.cleanup_coverage.is_none(), "the report is that of a run without");
    // A file that is made of the JSON is the same one.
    let written = std::fs::read(dir.path().join("sarif")).unwrap();
    assert_eq!(ReportKind::Sarif.write(&report, None), written);
    let merged = run(dir.path(), ["merge", "json", "--report", "sarif=merged"]);
    assert_eq!(merged.status, Some(100), "{}", merged.stderr);
    assert_eq!(std::fs::read(dir.path().join("merged")).unwrap(), written);
    let only_closed = ["--exact", "--", "pass_everything_closed", "leak_one_file"];
    assert!(rules(&only_closed).len() < found.len() + 1);
    // It is recorded with a result what the test acquired, and where.
    let results = dir.path().join("results");
    let cached = ["--cached", "--results", results.to_str().unwrap()];
    for _ in 0..2 {
        assert_eq!(rules(&cached), found);
        assert_eq!(std::fs::read(dir.path().join("sarif")).unwrap(), written);
    }
}

/// A place that one part never releases, and another does, is none. One of a set-up that several parts run counts once.
#[test]
fn places_of_parts_are_those_of_the_whole() {
    let dir = scratch_dir();
    let module = guest("plain/files").to_str().unwrap();
    let ran = |args: &[&str]| {
        let ran = run(dir.path(), [&["run", module], args].concat());
        assert!(matches!(ran.status, Some(0 | 100)), "{}", ran.stderr);
    };
    ran(&["--report", "json=whole", "--report", "sarif=whole.sarif"]);
    for part in ["1", "2", "3"] {
        ran(&["--partition", &format!("slice:{part}/3"), "--report", &format!("json=part-{part}")]);
    }
    let merged = run(dir.path(), ["merge", "part-1", "part-2", "part-3", "--report", "json=merged"]);
    assert_eq!(merged.status, Some(100), "{}", merged.stderr);
    let [whole, merged] = ["whole", "merged"].map(|name| json::read(&dir.path().join(name)).unwrap());
    assert!(whole.volatile.places.as_ref().is_some_and(|places| places.len() > 3), "{:?}", whole.volatile.places);
    assert_eq!(merged.volatile.places, whole.volatile.places);
}

/// Schemas of others are not in this repository: `SARIF_SCHEMA` names OASIS's `sarif-schema-2.1.0.json`, and `JUNIT_SCHEMA` the `junit-10.xsd`
/// of Jenkins's xUnit plug-in, for which `xmllint` is needed.
#[test]
fn what_others_have_a_schema_of_follows_it() {
    let dir = scratch_dir();
    let [sarif, junit] = ["report.sarif", "report.xml"].map(|name| dir.path().join(name));
    let reports = [format!("--report=sarif={}", sarif.display()), format!("--report=junit={}", junit.display())];
    let modules = modules(dir.path());
    let files = modules.iter().map(|file| file.to_str().unwrap().to_owned());
    run(dir.path(), ["run".to_owned()].into_iter().chain(files).chain(reports));
    let read = |path: &Path| serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()).unwrap();
    match std::env::var_os("SARIF_SCHEMA") {
        Some(schema) => {
            let schema = jsonschema::validator_for(&read(Path::new(&schema))).unwrap();
            let faults: Vec<_> = schema.iter_errors(&read(&sarif)).map(|error| error.to_string()).collect();
            assert_eq!(faults, Vec::<String>::new());
        }
        None => println!("skipped: SARIF_SCHEMA names no schema"),
    }
    match std::env::var_os("JUNIT_SCHEMA") {
        Some(schema) => {
            let checked =
                Command::new("xmllint").args(["--noout", "--schema"]).arg(schema).arg(&junit).output().unwrap();
            assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        }
        None => println!("skipped: JUNIT_SCHEMA names no schema"),
    }
}

#[test]
fn one_that_cannot_be_written_is_told_and_stops_no_other() {
    let dir = scratch_dir();
    let module = modules(dir.path()).remove(0);
    let module = module.to_str().unwrap();
    let good = format!("junit={}", dir.path().join("good.xml").display());
    let Ran { status, stderr, .. } =
        run(dir.path(), ["run", module, "--report", "html=nowhere/page.html", "--report", &good]);
    assert_eq!(status, Some(96));
    assert!(stderr.contains("cannot write the html report to nowhere/page.html: there is no directory"), "{stderr}");
    let Ran { status, stderr, .. } = run(dir.path(), ["run", module, "--report", "xml=x"]);
    assert_eq!(status, Some(2));
    let all = ReportKind::ALL.map(ReportKind::name).join(", ");
    assert!(stderr.contains(&format!("there is no report kind `xml`; this version writes: {all}")), "{stderr}");
    let help = run(dir.path(), ["run", "--help"]).stdout;
    let words: String = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for kind in ReportKind::ALL {
        assert!(words.contains(&format!("{kind} ({})", kind.about())), "{kind} is not in the help");
    }
}

#[test]
fn annotations_are_written_to_the_log_of_a_job_alone() {
    let dir = scratch_dir();
    let modules = modules(dir.path());
    let lines = |actions: &str| {
        let mut command = command();
        let output = command.current_dir(dir.path()).arg("run").args(&modules).args(["--report", "github"]);
        let output = output.env("GITHUB_ACTIONS", actions).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|line| line.starts_with("::")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines("false"), Vec::<String>::new());
    // Of reports that are merged likewise.
    let to = format!("json={}", dir.path().join("part.json").display());
    let parts = modules.iter().map(|module| module.to_str().unwrap());
    run(dir.path(), ["run", "--report", &to].into_iter().chain(parts));
    let merged = run(dir.path(), ["merge", "part.json", "--report", "github"]);
    assert!(merged.stdout.contains("Summary") && !merged.stdout.contains("\n::"), "{}{}", merged.stdout, merged.stderr);
    let written = lines("true");
    assert!(written.iter().any(|line| line.starts_with("::error title=airtight test/fail::traps ")), "{written:#?}");
    assert!(written.iter().any(|line| line.contains("title=airtight leak/file::")), "{written:#?}");
}

#[test]
fn what_programs_read_is_not_mixed_with_anything() {
    let dir = scratch_dir();
    let modules = modules(dir.path());
    let run = |command: &str, args: &[&str]| {
        let files = modules.iter().map(|file| file.to_str().unwrap());
        run(
            dir.path(),
            [command, "--message-format", "libtest-json"].into_iter().chain(files).chain(args.iter().copied()),
        )
    };
    let Ran { status, stdout, .. } = run("run", &["--write-back"]);
    assert_eq!(status, Some(100));
    assert!(stdout.lines().count() > 6 && stdout.lines().all(|line| line.starts_with("{\"type\":")), "{stdout}");
    for (command, args, said) in [
        ("run", &["--no-capture"][..], "both want standard output"),
        ("run", &["--report", "github"][..], "both want standard output"),
        ("verify", &[], "leave out --message-format"),
        ("pollution", &[], "leave out --message-format"),
    ] {
        let Ran { status, stderr, .. } = run(command, args);
        assert!(status == Some(2) && stderr.contains(said), "{command}: {stderr}");
    }
}

#[test]
fn schemas_are_printed_as_they_are_published() {
    let dir = scratch_dir();
    for (of, published) in [
        ("report", airtight::report::REPORT_SCHEMA),
        ("config", airtight::config::SCHEMA),
        ("trace", airtight::report::trace::TRACE_JSON_SCHEMA),
        ("faults", airtight::faults::FAULTS_JSON_SCHEMA),
        ("pollution", airtight::pollution::POLLUTION_JSON_SCHEMA),
        ("verification", airtight::verify::VERIFICATION_JSON_SCHEMA),
    ] {
        let Ran { status, stdout, .. } = run(dir.path(), ["schema", of]);
        assert_eq!((status, &*stdout), (Some(0), published));
    }
}

/// A crate with a test of each end, which the harness of this machine runs as well.
fn suite(dir: &Path) {
    write(
        &dir.join("Cargo.toml"),
        "[package]\nname = \"suite\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
    );
    let lib = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn passes() {}\n    #[test]\n    fn fails() {\n        println!(\"said\");\n        \
               panic!(\"no \\\"good\\\"\");\n    }\n    #[test]\n    #[ignore]\n    fn ignored() {}\n}\n";
    write(&dir.join("src/lib.rs"), lib);
    write(&dir.join("tests/it.rs"), "#[test]\nfn whole() {}\n");
}

/// The lines of tests and suites, by what they are, without times and output. nextest gives a binary several blocks where a test of it ends
/// after the others have; their counts are added up.
fn lines(text: &str) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let mut line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let object = line.as_object_mut().unwrap();
        if let Some(time) = object.remove("exec_time") {
            assert!(time.is_f64(), "{time}");
        }
        object.remove("stdout").inspect(|said| assert!(said.as_str().unwrap().contains("no \"good\"")));
        if object["type"] == "suite" {
            let nextest = object.get("nextest").map(Value::to_string).unwrap_or_default();
            for count in ["passed", "failed", "measured"] {
                if let Some(value) = object.get(count) {
                    *found.entry(format!("{nextest} {count}")).or_insert(0) += value.as_u64().unwrap();
                }
            }
            let fields: Vec<_> = object.keys().map(String::as_str).collect();
            found.insert(format!("a suite's line has {}", fields.join(", ")), 1);
            continue;
        }
        found.insert(line.to_string(), 1);
    }
    found
}

#[test]
fn the_harness_s_json_is_nextest_s() {
    let dir = scratch_dir();
    suite(dir.path());
    let native = |format: &str| {
        let output = Command::new("cargo-nextest")
            .args(["nextest", "run", "--no-fail-fast", "--message-format", format])
            .env("NEXTEST_EXPERIMENTAL_LIBTEST_JSON", "1")
            .env("CARGO_TARGET_DIR", dir.path().join("target-of-nextest"))
            .current_dir(dir.path())
            .output()
            .ok()?;
        Some(String::from_utf8(output.stdout).unwrap())
    };
    for format in ["libtest-json", "libtest-json-plus"] {
        let Some(theirs) = native(format) else {
            println!("skipped: there is no cargo-nextest to compare with");
            return;
        };
        let ran = airtight_test(dir.path(), &["--message-format", format], &[]);
        assert_eq!(ran.status, Some(100), "{}", ran.stderr);
        assert_eq!(lines(&ran.stdout), lines(&theirs), "{}\n{theirs}", ran.stdout);
        assert!(ran.stderr.contains("3 tests run: 2 passed, 1 failed"), "{}", ran.stderr);
    }
}

/// How long the nth test took, in microseconds: in no order.
fn time_of(nth: usize) -> u64 {
    nth as u64 * 7919 % 100_000
}

/// A report of many tests, some of which have names that would be markup.
fn large(tests: usize) -> Report {
    let hostile =
        "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">&amp;\u{202e}";
    let test = |nth: usize| {
        let mut test = TestRecord::new(format!("tests::number_{nth:05}"), Verdict::Pass);
        if nth % 100 == 7 {
            let mut details = Details::default();
            let place = Frame::new(format!("parser::node{}{hostile}", nth % 300)).at("src/parser.rs", 40);
            let mut left =
                Resource::new(ResourceKind::Heap, "tests", vec![place, Frame::new("tests::run").at("tests/it.rs", 7)]);
            (left.count, left.bytes) = (2, Some(64 + nth as u64));
            details.leaks.push(left);
            (test.verdict, test.name) = (Verdict::Leak, format!("leaks_{nth}{hostile}").into());
            test.details = Some(Box::new(details));
        }
        test
    };
    let tests: Vec<_> = (0..tests).map(test).collect();
    let times = tests.iter().enumerate().map(|(nth, test)| TestTime::new("app", &*test.name, time_of(nth)));
    let mut volatile = Volatile::default();
    volatile.times = times.collect();
    let timelines = tests.iter().map(|test| timeline(&test.name)).collect();
    let module = ModuleRecord::new("app", airtight::Harness::Libtest, format!("sha256:{}", "0".repeat(64)), tests);
    let mut report = Report::new(Canonical::new(serde_json::json!({}), vec![module]), volatile);
    report.timelines = timelines;
    report
}

/// Memory and events of a test: more of each than a page of many tests has room for.
fn timeline(test: &str) -> TestTimeline {
    let mut timeline = TestTimeline::default();
    (timeline.module, timeline.test) = ("app".to_owned(), test.to_owned());
    timeline.points =
        (1..=256).map(|nth| TimelinePoint::new(nth * 1000, 64 * (nth % 100), 65_536 * (1 + nth / 64))).collect();
    let event = |nth: u64| {
        let mut event = TraceEvent::default();
        (event.nth, event.fuel, event.kind) = (nth, Some(nth * 2000), TraceKind::Open);
        (event.call, event.object) = ("path_open".to_owned(), Some(format!("/tmp/</script>{nth}")));
        event.failed = nth.is_multiple_of(10).then(|| "ENOENT".to_owned());
        event
    };
    timeline.events = (1..=100).map(event).collect();
    timeline
}

#[test]
fn a_report_of_a_program_s_own_follows_the_schema() {
    assert_follows_schema(&serde_json::from_slice(&json::write(&large(100))).unwrap());
}

/// A Chromium, where there is one.
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("AIRTIGHT_CHROMIUM").map(PathBuf::from);
    let dirs: Vec<PathBuf> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    named.or_else(|| dirs.iter().flat_map(|dir| names.map(|name| dir.join(name))).find(|path| path.is_file()))
}

/// What a page is once its scripts have run.
fn rendered(page: &Path) -> Option<String> {
    let dir = scratch_dir();
    let output = Command::new(chromium()?)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", dir.path().display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The lines of text that a page's scripts have left of it.
fn lines_of(page: &Path) -> Option<Vec<String>> {
    let Some(dom) = rendered(page) else {
        println!("skipped: there is no Chromium");
        return None;
    };
    let body = dom.split_once("<body>").unwrap().1.split_once("</body>").unwrap().0;
    Some(body.trim().lines().map(str::to_owned).collect())
}

/// A page on which a script has done something after the page's own; the report's policy would not let it.
fn with_script(page: &[u8], script: &str) -> String {
    let page = String::from_utf8(page.to_vec()).unwrap();
    let policy = page.find("<meta http-equiv").unwrap();
    let rest = policy + page[policy..].find('\n').unwrap();
    let page = format!("{}{}", &page[..policy], &page[rest..]);
    page.replace("</body>", &format!("<script>{script}</script></body>"))
}

#[test]
fn the_page_works_in_a_browser_with_ten_thousand_tests() {
    let dir = scratch_dir();
    let page = dir.path().join("page.html");
    let bytes = ReportKind::Html.write(&large(10_000), Some(&large(9_000)));
    assert!(bytes.len() < 20_000_000, "{} bytes", bytes.len());
    std::fs::write(&page, &bytes).unwrap();
    let Some(dom) = rendered(&page) else {
        println!("skipped: there is no Chromium");
        return;
    };
    assert!(dom.contains("200 of 10,000 matching tests shown, 10,000 in all"), "{}", &dom[..dom.len().min(3000)]);
    assert!(dom.contains("<title>airtight: 100 did not pass</title>") && !dom.contains("<img"));
    assert!(dom.contains("What changed since the earlier report") && dom.contains("Lost heap by place"));
    let script = r#"
        const $ = (id) => document.getElementById(id);
        const out = [];
        const first = () => $("rows").querySelector("td.name").textContent;
        const began = performance.now();
        $("search").value = "NUMBER_00012"; $("search").dispatchEvent(new Event("input"));
        out.push($("shown").textContent, first());
        $("search").value = ""; $("search").dispatchEvent(new Event("input"));
        const column = (title) => [...$("columns").querySelectorAll("button")].find((button) => button.textContent === title);
        column("Time (ms)").focus();
        document.activeElement.click();
        out.push(document.activeElement.parentElement.getAttribute("aria-sort"), $("rows").querySelector("td.number").textContent);
        column("Time (ms)").click();
        out.push($("rows").querySelector("td.number").textContent);
        const pass = [...$("verdicts").querySelectorAll("input")].find((box) => box.value === "pass");
        pass.click();
        out.push($("shown").textContent);
        const button = $("rows").querySelector("button");
        button.click();
        const details = $(button.getAttribute("aria-controls"));
        out.push(button.getAttribute("aria-expanded"), String(details.textContent.includes("lost when the test returned")));
        const plot = details.querySelector("svg.timeline");
        out.push(plot.getAttribute("role"), plot.getAttribute("aria-label").split(":")[0], String(plot.querySelectorAll("path.event").length));
        button.click();
        out.push(button.getAttribute("aria-expanded"));
        pass.click();
        $("more").click();
        out.push($("shown").textContent, String($("rows").children.length));
        const named = [...document.querySelectorAll("button, input, svg")].every((element) =>
            element.textContent.trim() || element.labels?.length || element.getAttribute("aria-label") || element.hidden);
        out.push(String(named), document.title, String(document.images.length), String(performance.now() - began < 5000));
        document.body.replaceChildren(out.join("\n"));
    "#;
    std::fs::write(&page, with_script(&bytes, script)).unwrap();
    let told = lines_of(&page).unwrap();
    let most = (0..10_000).map(time_of).max().map(|us| format!("{}.{:03}", us / 1000, us % 1000)).unwrap();
    let expected = [
        "1 of 1 matching tests shown, 10,000 in all",
        "app tests::number_00012",
        "descending",
        &most,
        "0.000",
        "100 of 100 matching tests shown, 10,000 in all",
        "true",
        "true",
        "img",
        "Memory over 256,000 units of fuel",
        "6",
        "false",
        "400 of 10,000 matching tests shown, 10,000 in all",
        "400",
        "true",
        "airtight: 100 did not pass",
        "0",
        "true",
    ];
    assert_eq!(told, expected);
}

/// Text stands out from what is behind it, whichever of the two themes is asked for.
#[test]
fn the_page_can_be_read_in_the_dark_and_in_the_light() {
    let dir = scratch_dir();
    let page = dir.path().join("page.html");
    let script = r#"
        const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
        const light = (colour) => parts(colour).slice(0, 3).map((part) => part / 255)
            .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
            .reduce((sum, part, nth) => sum + part * [0.2126, 0.7152, 0.0722][nth], 0);
        const behind = (element) => {
            for (let at = element; at; at = at.parentElement) {
                const colour = getComputedStyle(at).backgroundColor;
                if ((parts(colour)[3] ?? 1) === 1) return colour;
            }
            return "rgb(0, 0, 0)";
        };
        const out = [];
        for (const theme of ["light", "dark"]) {
            document.documentElement.dataset.theme = theme;
            let worst = 99;
            let seen = 0;
            for (const element of document.body.querySelectorAll("*")) {
                const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
                if (!own || !element.checkVisibility() || element.closest("svg, script, :disabled")) continue;
                const [text, back] = [getComputedStyle(element).color, behind(element)].map(light);
                const contrast = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
                worst = Math.min(worst, contrast);
                seen += 1;
            }
            out.push(theme, String(light(behind(document.body)) > 0.5), String(seen > 30), String(worst >= 4.5) + " " + worst.toFixed(1));
        }
        document.body.replaceChildren(out.join("\n"));
    "#;
    std::fs::write(&page, with_script(&ReportKind::Html.write(&large(300), Some(&large(200))), script)).unwrap();
    let Some(lines) = lines_of(&page) else { return };
    let told: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(told, ["light", "true", "true", "true", "dark", "false", "true", "true"], "{lines:?}");
}

/// A script that is not the page's own does not run, even where it stands in the page.
#[test]
fn the_page_s_policy_lets_no_other_script_run() {
    let dir = scratch_dir();
    let page = dir.path().join("page.html");
    let bytes = String::from_utf8(ReportKind::Html.write(&large(10), None)).unwrap();
    std::fs::write(&page, bytes.replace("</body>", "<script>document.title = 'owned'</script></body>")).unwrap();
    match rendered(&page) {
        Some(dom) => assert!(dom.contains("<title>airtight: 1 did not pass</title>")),
        None => println!("skipped: there is no Chromium"),
    }
}

/// What a test did and had is a plot, and a table for whoever does not see it.
#[test]
fn each_test_s_memory_and_events_are_drawn_and_told() {
    let dir = scratch_dir();
    let (page, json_file) = (dir.path().join("page.html"), dir.path().join("report.json"));
    let reports = [format!("--report=html={}", page.display()), format!("--report=json={}", json_file.display())];
    let module = guest("plain/files").to_str().unwrap();
    let common = ["run", module, "--fuel-profile", "--exact", "--", "leak_one_file", "pass_everything_closed"];
    let ran = run(
        dir.path(),
        common[..3].iter().copied().chain(reports.iter().map(String::as_str)).chain(common[3..].iter().copied()),
    );
    assert_eq!(ran.status, Some(100), "{}{}", ran.stdout, ran.stderr);
    let drawn = std::fs::read(&page).unwrap();
    // A page that is made of the JSON has none, and says how to come by them.
    let without = ReportKind::Html.write(&json::read(&json_file).unwrap(), None);
    let without = String::from_utf8(without).unwrap();
    assert!(without.contains("There are no timelines of memory and events here") && !without.contains("\"timeline\""));
    assert!(without.contains("<code>airtight test --report html=PATH</code>"));
    let script = r#"
        const out = [];
        const button = [...document.querySelectorAll("td.name button")].find((button) => button.textContent.includes("leak_one_file"));
        button.focus();
        document.activeElement.click();
        const details = document.getElementById(button.getAttribute("aria-controls"));
        const plot = details.querySelector("svg.timeline");
        out.push(plot.getAttribute("aria-label").replace(/\d[\d,]*/g, "N"));
        const told = [...plot.querySelectorAll("path.event title")].map((title) => title.textContent.replace(/^[\d,]+: /, ""));
        out.push(String(told.includes("open path_open /tmp/one gives fd 4")), String(told.includes("test begins")));
        out.push(String(["live", "most", "linear"].every((part) => plot.querySelector("path." + part).getAttribute("d").length > 20)));
        const table = details.querySelector("details");
        out.push(String(table.querySelectorAll("table").length));
        table.open = true;
        table.addEventListener("toggle", () => {
            const rows = [...table.querySelector("table").tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent));
            const fuel = rows.map((row) => row[0]).filter(Boolean).map((text) => Number(text.replaceAll(",", "")));
            const named = (text) => text.replace(/ of \S+ /, " of M ");
            out.push(named(table.querySelector("table").getAttribute("aria-label")), String(rows.some((row) => row[1].startsWith("write fd_write /tmp/one"))));
            out.push(String(fuel.every((at, nth) => nth === 0 || at >= fuel[nth - 1])), String(rows.some((row) => row[4] !== "")));
            out.push([...table.querySelectorAll("th")].map((head) => head.textContent).join(", "));
            const functions = details.querySelector("table.functions");
            out.push(named(functions.getAttribute("aria-label")), String(functions.tBodies[0].rows.length > 3));
            document.body.replaceChildren(out.join("\n"));
        });
    "#;
    std::fs::write(&page, with_script(&drawn, script)).unwrap();
    let Some(told) = lines_of(&page) else { return };
    let expected = [
        "Memory over N units of fuel: at most N bytes live on the heap, N bytes of linear memory at the end, N events. The table below has the figures.",
        "true",
        "true",
        "true",
        "0",
        "Timeline of M leak_one_file",
        "true",
        "true",
        "true",
        "Fuel, What it did, Live on the heap, At most before, Linear memory",
        "Fuel of M leak_one_file by function",
        "true",
    ];
    assert_eq!(told, expected);
}

/// The figures of subtests are a table in the details of their test.
#[test]
fn each_subtest_is_a_row_of_its_test() {
    let dir = scratch_dir();
    let page = dir.path().join("page.html");
    let report = format!("--report=html={}", page.display());
    let module = dir.path().join("subtests.wasm");
    std::fs::copy(guest("sdk/subtests"), &module).unwrap();
    run(dir.path(), ["run", module.to_str().unwrap(), &report, "--", "leak_in_a_subtest"]);
    let script = r#"
        const button = document.querySelector("td.name button");
        button.click();
        const table = document.getElementById(button.getAttribute("aria-controls")).querySelector("table.subtests");
        const texts = (cells) => [...cells].map((cell) => cell.textContent).join(", ");
        const rows = [...table.tBodies[0].rows].map((row) => [0, 1, 6, 8].map((nth) => row.cells[nth].textContent).join(", "));
        const timed = [...table.tBodies[0].rows].every((row) => Number(row.cells[2].textContent) >= 0 && row.cells[3].textContent);
        const out = [table.getAttribute("aria-label"), texts(table.tHead.rows[0].cells), ...rows, String(timed)];
        document.body.replaceChildren(out.join("\n"));
    "#;
    std::fs::write(&page, with_script(&std::fs::read(&page).unwrap(), script)).unwrap();
    let Some(told) = lines_of(&page) else { return };
    let expected = [
        "Subtests of subtests leak_in_a_subtest",
        "Verdict, Subtest, Time (ms), Fuel, Memory peak, Heap peak, Lost, Retained, Left",
        "leak, holds, 0, 1",
        "leak, loses, 100, 1",
        "pass, closes, 0, 0",
        "true",
    ];
    assert_eq!(told, expected);
}
