use super::{ask, config, errors, patch};
use crate::config::{Ask, Overlays, from_environment};
use crate::model::Source;
use crate::model::units::Quantity;
use crate::policy::{Clock, LeakAction, LeakActions, LeakSetting, Limit, Limits, Mode, SocketSource};
use std::sync::Arc;

/// The example of the documentation.
const EXAMPLE: &str = r#"
[profile.default]
memory = "256MiB"            # cap on linear memory
fuel = "10T"                 # deterministic time limit; the default lets every honest suite end
timeout = "300s"             # wall-clock watchdog; a test that ends on it marks the report as not reproducible
stack = "8MiB"
leaks = { handles = "fail", heap = "fail", retained = "show", residue = "show" }
env = { RUST_BACKTRACE = "0" }
[[profile.default.dir]]
guest = "/fixtures"
host = "tests/fixtures"      # relative to this file
mode = "read-only"           # or "overlay" (writes stay in memory) or "read-write"
[[profile.default.overrides]]
filter = "parser::"
memory = "4MiB"
peak-heap = "512KiB"         # live heap, to the byte
"#;

#[test]
fn the_documented_example() {
    let root = super::workspace();
    let profile = super::config_in(root.path(), EXAMPLE).unwrap().profile("default").unwrap();
    let policy = profile.policy();
    assert_eq!(policy.limits, Limits::default());
    assert_eq!(policy.leaks, LeakActions::default());
    assert_eq!(policy.env, [("RUST_BACKTRACE".to_owned(), "0".to_owned())].into());
    assert_eq!(policy.dirs.len(), 1);
    assert_eq!(policy.dirs[0].guest, "/fixtures");
    assert_eq!(policy.dirs[0].host, root.path().join("tests/fixtures").canonicalize().unwrap());
    assert_eq!(policy.dirs[0].mode, Mode::ReadOnly);
    let parser = profile.policy_for("m", "parser::empty", &Ask::default()).unwrap();
    let expected = Limits::default().with(Limit::Memory, 4 << 20).with(Limit::PeakHeap, 512 << 10);
    assert_eq!(parser.limits, expected);
}

#[test]
fn overlays_and_what_fits_into_memory() {
    let text = EXAMPLE.replace("read-only", "overlay") + "scratch = \"1MiB\"\nscratch-entries = 10\n";
    let root = super::workspace();
    let profile = super::config_in(root.path(), &text).unwrap().profile("default").unwrap();
    assert_eq!(profile.policy().dirs[0].mode, Mode::Overlay);
    assert_eq!(profile.policy().limits, Limits::default());
    let limits = profile.policy_for("m", "parser::empty", &Ask::default()).unwrap().limits;
    assert_eq!((limits.get(Limit::Scratch), limits.get(Limit::ScratchEntries)), (Some(1 << 20), Some(10)));
}

const PROFILES: &str = r#"
cache-size = "1GiB"
module-size = 300_000_000
[profile.default]
memory = "64MiB"
seed = 0xffff_ffff_ffff_ffff
args = ["-v"]
stdin = "hello"
env = { A = "1", B = "1" }
leaks.residue = "fail"
dir = [{ guest = "/data", host = "data", mode = "read-write" }, { guest = "/", host = ".", name = "root" }]
[[profile.default.overrides]]
filter = "slow"
fuel = "20G"
memory = "32MiB"
[profile.nightly]
inherits = "ci"
stack = "16MiB"
[profile.ci]
memory = "128MiB"
env.B = "2"
leaks = { residue = "ignore", retained = "fail" }
dir = [{ guest = "/data", host = "tests/fixtures" }]
[[profile.ci.overrides]]
filter = "slow"
memory = "16MiB"
"#;

#[test]
fn profiles_inherit_and_default_is_under_all() {
    let config = config(PROFILES);
    assert_eq!((config.cache_size, config.module_size), (1 << 30, 300_000_000));
    let nightly = config.profile("nightly").unwrap();
    let policy = nightly.policy();
    assert_eq!((policy.limits.most(Limit::Memory), policy.limits.most(Limit::Stack)), (128 << 20, 16 << 20));
    assert_eq!(policy.limits.get(Limit::Fuel), Limits::default().get(Limit::Fuel));
    assert_eq!((policy.seed, &policy.stdin[..], &policy.args[..]), (u64::MAX, &b"hello"[..], &["-v".to_owned()][..]));
    assert_eq!((policy.env["A"].as_str(), policy.env["B"].as_str()), ("1", "2"));
    let expected = LeakActions::default()
        .with(LeakSetting::Residue, LeakAction::Ignore)
        .with(LeakSetting::Retained, LeakAction::Fail);
    assert_eq!(policy.leaks, expected);
    // The nearer directory replaces the inherited one. The one with a name is granted only on request.
    assert_eq!(policy.dirs.len(), 1);
    assert!(policy.dirs[0].host.ends_with("tests/fixtures"));
    assert_eq!(policy.dirs[0].mode, Mode::ReadOnly);
    assert_eq!(nightly.requestable().names().collect::<Vec<_>>(), ["root"]);
    assert_eq!(config.profile("default").unwrap().policy().leaks.get(LeakSetting::Residue), LeakAction::Fail);
}

#[test]
fn the_first_matching_override_decides_a_setting() {
    let slow = |profile: &str| {
        let profile = config(PROFILES).profile(profile).unwrap();
        let limits = profile.policy_for("m", "very_slow", &Ask::default()).unwrap().limits;
        (limits.most(Limit::Memory), limits.most(Limit::Fuel))
    };
    assert_eq!(slow("default"), (32 << 20, 20_000_000_000));
    // The overrides of the nearer profile come first; settings that they do not set are left to the others.
    assert_eq!(slow("nightly"), (16 << 20, 20_000_000_000));
}

#[test]
fn an_override_may_be_for_a_module() {
    let profile = config(
        "profile.default.overrides = [
            { module = 'semver/', filter = 'parse', memory = '1MiB', leaks.heap = 'show', env.X = '1' },
            { module = 'semver/', handles = 7, leaks.heap = 'ignore', env = { X = '2', Y = '2' } },
        ]",
    );
    let profile = profile.profile("default").unwrap();
    let policy = |module, test| profile.policy_for(module, test, &Ask::default()).unwrap();
    let both = policy("semver/lib", "parse_a");
    assert_eq!((both.limits.most(Limit::Memory), both.limits.most(Limit::Handles)), (1 << 20, 7));
    assert_eq!(
        (both.leaks.get(LeakSetting::Heap), both.env["X"].as_str(), both.env["Y"].as_str()),
        (LeakAction::Show, "1", "2")
    );
    let print = policy("semver/lib", "print").limits;
    assert_eq!(print, Limits::default().with(Limit::Handles, 7));
    assert!(Arc::ptr_eq(&policy("serde/lib", "parse_a"), profile.policy()));
}

#[test]
fn an_override_may_be_for_a_package_and_say_that_it_has_threads() {
    let profile = config(
        "profile.default.overrides = [
            { package = 'queue', threads = true, memory = '1MiB' },
            { package = 'queue', threads = false, handles = 7 },
            { package = 'plain', threads = false },
        ]
        profile.threaded.threads = true",
    );
    let (default, threaded) = (profile.profile("default").unwrap(), profile.profile("threaded").unwrap());
    let memory = |module| default.policy_for(module, "t", &Ask::default()).unwrap().limits.most(Limit::Memory);
    let usual = Limits::default().most(Limit::Memory);
    assert_eq!(["queue", "queue/stress", "queues", "a/queue"].map(memory), [1 << 20, 1 << 20, usual, usual]);
    let has_threads = |package| (default.has_threads_in(package), threaded.has_threads_in(package));
    assert_eq!(has_threads("queue"), (true, true));
    assert_eq!(has_threads("plain"), (false, false));
    assert_eq!(has_threads("other"), (false, true));
    assert!(default.has_threads_by_package() && !default.has_threads() && threaded.has_threads());
    assert!(!config("[profile.default]\nthreads = true").profile("default").unwrap().has_threads_by_package());
}

#[test]
fn threads_are_of_a_whole_package() {
    let text = "profile.default.overrides = [
        { module = 'queue/stress', threads = true },
        { package = 'queue', filter = 'slow', threads = true },
        { threads = true, package = 'queue', fuel = 3 },
        { package = 3 },
    ]";
    insta::assert_snapshot!(errors(text), @r"
    airtight.toml:2: profile.default.overrides[0].threads: a package is built for threads as a whole, so this cannot be of a `module`: put it into an override with `package` alone
    airtight.toml:3: profile.default.overrides[1].threads: a package is built for threads as a whole, so this cannot be of a `filter`: put it into an override with `package` alone
    airtight.toml:5: profile.default.overrides[3].package: expected a string, found an integer
    ");
}

#[test]
fn the_command_line_is_above_the_environment_is_above_overrides() {
    let overlays = Overlays {
        environment: patch([(Limit::Memory, 2 << 20), (Limit::Timeout, 1000)]),
        command_line: patch([(Limit::Memory, 3 << 20)]),
        seed: Some(5),
        ..Overlays::default()
    };
    let profile = config(PROFILES).profile("default").unwrap().with_overlays(overlays);
    for test in ["slow", "fast"] {
        let limits = profile.policy_for("m", test, &Ask::default()).unwrap().limits;
        assert_eq!((limits.most(Limit::Memory), limits.most(Limit::Timeout)), (3 << 20, 1000), "{test}");
    }
    let slow = profile.policy_for("m", "slow", &Ask::default()).unwrap();
    assert_eq!((slow.seed, profile.policy().seed), (5, 5));
    let limits = slow.limits;
    assert_eq!(limits.most(Limit::Fuel), 20_000_000_000);
}

#[test]
fn tests_with_one_policy_share_it() {
    let mut profile = config(PROFILES).profile("default").unwrap();
    let ask = ask([(Limit::Memory, 1 << 20)]);
    let policy = |test, ask: &Ask| profile.policy_for("m", test, ask).unwrap();
    assert!(Arc::ptr_eq(&policy("a", &Ask::default()), &policy("b", &Ask::default())));
    assert!(Arc::ptr_eq(&policy("slow_a", &Ask::default()), &policy("slow_b", &Ask::default())));
    assert!(Arc::ptr_eq(&policy("a", &ask), &policy("b", &ask)));
    assert!(!Arc::ptr_eq(&policy("slow", &ask), &policy("b", &ask)));
    profile.policy_mut().env.insert("PACKAGE".to_owned(), "semver".to_owned());
    assert_eq!(profile.policy_for("m", "a", &ask).unwrap().env["PACKAGE"], "semver");
}

const GRANTS: &str = r#"
[profile.default]
memory = "256MiB"
dir = [{ guest = "/big", host = "data", name = "corpus" }]
socket = [
    { name = "server", listen = "127.0.0.1:0", on-request = true },
    { name = "client", connect-to = "server", on-request = true },
    { name = "log", connect = "127.0.0.1:514" },
]
overrides = [{ filter = "corpus::", grants = ["corpus"] }, { filter = "net", grants = ["client"], memory = "64MiB" }]
"#;

#[test]
fn grants_on_request_reach_only_those_who_ask() {
    let profile = config(GRANTS).profile("default").unwrap();
    let policy = |test, grants: &[&str]| {
        let ask = Ask { grants: grants.iter().map(|grant| (*grant).to_owned()).collect(), ..Ask::default() };
        let policy = profile.policy_for("m", test, &ask).unwrap();
        let dirs: Vec<_> = policy.dirs.iter().map(|dir| dir.guest.clone()).collect();
        let sockets: Vec<_> = policy.sockets.iter().map(|socket| socket.name.clone()).collect();
        format!("{dirs:?} {sockets:?}")
    };
    assert_eq!(policy("plain", &[]), r#"[] ["log"]"#);
    assert_eq!(policy("plain", &["corpus", "log"]), r#"["/big"] ["log"]"#);
    assert_eq!(policy("plain", &["server"]), r#"[] ["log", "server"]"#);
    // A client without its server would be of no use.
    assert_eq!(policy("plain", &["client"]), r#"[] ["log", "server", "client"]"#);
    // Grants of several overrides add up.
    assert_eq!(policy("corpus::net", &[]), r#"["/big"] ["log", "server", "client"]"#);
    let socket = &profile.requestable().sockets[1];
    assert_eq!(socket.source, SocketSource::ConnectTo("server".to_owned()));
}

#[test]
fn unix_sockets_start_from_the_file_and_outbound_addresses_replace_inherited_ones() {
    let root = super::workspace();
    let text = r#"
[profile.default]
outbound = ["[::1]:5432", "127.0.0.1:5432", "127.0.0.1:5432"]
socket = [
    { name = "server", listen = "unix:data/app.sock" },
    { name = "client", connect-to = "server" },
    { name = "log", connect = "unix:/dev/log" },
]
[profile.more]
outbound = ["10.0.0.1:80"]
[profile.less]
outbound = []
"#;
    let config = super::config_in(root.path(), text).unwrap();
    let policy = |name: &str| Arc::clone(config.profile(name).unwrap().policy());
    let sources: Vec<_> = policy("default").sockets.iter().map(|socket| socket.source.clone()).collect();
    let data = root.path().canonicalize().unwrap().join("data");
    assert_eq!(
        sources,
        [
            SocketSource::ListenUnix(data.join("app.sock")),
            SocketSource::ConnectTo("server".to_owned()),
            SocketSource::ConnectUnix("/dev/log".into()),
        ]
    );
    let outbound = |name| policy(name).outbound.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(outbound("default"), ["127.0.0.1:5432", "[::1]:5432"]);
    assert_eq!(outbound("more"), ["10.0.0.1:80"]);
    assert!(outbound("less").is_empty());
}

#[test]
fn a_test_may_lower_its_limits() {
    let profile = config(GRANTS).profile("default").unwrap();
    let lower = [(Limit::Memory, 256 << 20), (Limit::Fuel, 1_000_000), (Limit::Timeout, 5000), (Limit::Io, 7)];
    let limits = profile.policy_for("m", "t", &ask(lower)).unwrap().limits;
    let expected = lower.into_iter().fold(Limits::default(), |limits, (limit, value)| limits.with(limit, value));
    assert_eq!(limits, expected);
}

#[test]
fn every_limit_is_a_setting_and_a_variable() {
    for limit in Limit::ALL {
        let (name, text) = match limit.row().quantity {
            Quantity::Duration => (limit.name(), "\"7s\""),
            Quantity::Size | Quantity::Fuel | Quantity::Count => (limit.name(), "7"),
        };
        let value = limit.parse(text.trim_matches('"')).ok();
        let profile = config(&format!("[profile.default]\n{name} = {text}\n")).profile("default").unwrap();
        assert_eq!(profile.policy().limits.get(limit), value, "{name}");
        let variable = from_environment([(limit.variable(), text.trim_matches('"'))]).unwrap();
        assert_eq!(variable.limits.get(limit), value, "{name}");
        let overriding = format!("[[profile.default.overrides]]\nfilter = \"a\"\n{name} = {text}\n");
        if limit.can_be_set_by(Source::Override) {
            let profile = config(&overriding).profile("default").unwrap();
            let policy = profile.policy_for("m", "a", &Ask::default()).unwrap();
            assert_eq!(policy.limits, Limits::default().with(limit, value.unwrap()), "{name}");
        } else {
            assert!(errors(&overriding).contains(limit.row().elsewhere), "{name}");
        }
    }
}

#[test]
fn a_test_cannot_widen_its_policy() {
    let overlays = Overlays {
        environment: patch([(Limit::Timeout, 1500)]),
        command_line: patch([(Limit::Fuel, 1000)]),
        seed: None,
        ..Overlays::default()
    };
    let profile = config(GRANTS).profile("default").unwrap().with_overlays(overlays);
    let refused = |test, ask: Ask| profile.policy_for("m", test, &ask).unwrap_err().to_string();
    let grant = |name: &str| Ask { grants: vec![name.to_owned()], ..Ask::default() };
    let all = [
        refused("a", ask([(Limit::Memory, 512 << 20)])),
        refused("net", ask([(Limit::Memory, (64 << 20) + 1)])),
        refused("a", ask([(Limit::Fuel, 2000)])),
        refused("a", ask([(Limit::Timeout, 2000)])),
        refused("a", grant("crpus")),
        refused("a", grant("postgres")),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    test `a` of `m` asks for memory 512 MiB, above the 256 MiB that profile `default` allows; a test may only lower a limit
    test `net` of `m` asks for memory 67108865 B, above the 64 MiB that the override for `net` in profile `default` allows; a test may only lower a limit
    test `a` of `m` asks for fuel 2K, above the 1K that the command line allows; a test may only lower a limit
    test `a` of `m` asks for timeout 2s, above the 1500ms that the variable AIRTIGHT_TIMEOUT allows; a test may only lower a limit
    test `a` of `m` asks for the grant `crpus`, which profile `default` does not name; did you mean `corpus`?
    test `a` of `m` asks for the grant `postgres`, which profile `default` does not name; there are `corpus`, `server`, `client`, `log`
    ");
}

#[test]
fn a_clock_has_a_start_or_is_real() {
    let clock = |text: &str, test: &str| {
        let profile = config(text).profile("default").unwrap();
        profile.policy_for("m", test, &Ask::default()).unwrap().clock
    };
    let at = |text: &str| {
        let time = humantime::parse_rfc3339(text).unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
        Clock::Virtual { start: u64::try_from(time.as_nanos()).unwrap() }
    };
    assert_eq!(clock("", "t"), Clock::default());
    assert_eq!(clock("", "t"), at("2024-01-01T00:00:00Z"));
    for start in ["\"2038-01-19T03:14:08Z\"", "2038-01-19T03:14:08Z"] {
        let text = format!("[profile.default]\nclock-start = {start}\nclock = \"virtual\"\n");
        assert_eq!(clock(&text, "t"), at("2038-01-19T03:14:08Z"), "{start}");
    }
    let overridden = r#"
        [profile.default]
        clock-start = "1999-12-31T23:59:59.5Z"
        [[profile.default.overrides]]
        filter = "real"
        clock = "real"
        [[profile.default.overrides]]
        filter = "later"
        clock-start = "2000-01-01T00:00:00Z"
    "#;
    assert_eq!(clock(overridden, "t"), at("1999-12-31T23:59:59.5Z"));
    assert_eq!(clock(overridden, "real"), Clock::Real);
    assert_eq!(clock(overridden, "later"), at("2000-01-01T00:00:00Z"));
    assert_eq!(clock(overridden, "real_and_later"), Clock::Real, "the first that matches");
}

#[test]
fn a_clock_that_cannot_be() {
    let wrong = |settings: &str| errors(&format!("[profile.default]\n{settings}\n"));
    let all = [
        wrong("clock = \"host\""),
        wrong("clock = \"real\"\nclock-start = \"2024-01-01T00:00:00Z\""),
        wrong("clock-start = \"2024-01-01T00:00:00Z\"\nclock = \"real\""),
        wrong("clock-start = \"yesterday\""),
        wrong("clock-start = \"1969-12-31T23:59:59Z\""),
        wrong("clock-start = \"2300-01-01T00:00:00Z\""),
        wrong("clock-start = \"2024-01-01T00:00:00+02:00\""),
        wrong("clock-start = 2024"),
        wrong("[[profile.default.overrides]]\nfilter = \"a\"\nseed = 7"),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    airtight.toml:2: profile.default.clock: "host" is not a clock; there are `virtual`, `real`
    airtight.toml:3: profile.default.clock-start: the real clock cannot be set; remove `clock-start`, or write clock = "virtual"
    airtight.toml:2: profile.default.clock-start: the real clock cannot be set; remove `clock-start`, or write clock = "virtual"
    airtight.toml:2: profile.default.clock-start: "yesterday" cannot be the start of a clock; write an RFC 3339 time in UTC from 1970 to 2262-04-11, such as "2024-01-01T00:00:00Z"
    airtight.toml:2: profile.default.clock-start: "1969-12-31T23:59:59Z" cannot be the start of a clock; write an RFC 3339 time in UTC from 1970 to 2262-04-11, such as "2024-01-01T00:00:00Z"
    airtight.toml:2: profile.default.clock-start: "2300-01-01T00:00:00Z" cannot be the start of a clock; write an RFC 3339 time in UTC from 1970 to 2262-04-11, such as "2024-01-01T00:00:00Z"
    airtight.toml:2: profile.default.clock-start: "2024-01-01T00:00:00+02:00" cannot be the start of a clock; write an RFC 3339 time in UTC from 1970 to 2262-04-11, such as "2024-01-01T00:00:00Z"
    airtight.toml:2: profile.default.clock-start: expected a string, found an integer
    airtight.toml:4: profile.default.overrides[0]: `seed` is not a setting of this table; it has one value a run, so that the report can name it: set it in the profile
    "#);
}
