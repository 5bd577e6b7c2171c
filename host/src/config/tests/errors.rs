use super::{config_in, errors, workspace};
use proptest::prelude::*;

#[test]
fn every_error_of_a_file_at_once_in_the_order_of_lines() {
    let text = r#"cache_size = "2GiB"
memory = "1GiB"

[profile.default]
memroy = "256MiB"
memory = "256 MiBs"
fuel = -1
timeout = 300
stack = "2GiB"
output = true
handles = 4294967296
scratch = "lots"
scratch-entries = "many"
leaks = { handle = "fail", heap = "fial", tasks = 1 }
env = { A = 1, "B=C" = "x", AIRTIGHT_SOCKETS = "x" }
args = ["ok", 2, "nul\u0000"]
stdin = ["x"]
seed = -1
peak-heap = "1KiBs"
colour = "red"
"#;
    insta::assert_snapshot!(errors(text), @r#"
    airtight.toml:1: `cache_size` is not a setting; did you mean `cache-size`?
    airtight.toml:2: `memory` is not a setting of this table; it belongs to a profile, such as [profile.default], or to one of its overrides
    airtight.toml:5: profile.default: `memroy` is not a setting; did you mean `memory`?
    airtight.toml:6: profile.default.memory: "256 MiBs" is not a size; write for example "256MiB" or a number of bytes
    airtight.toml:7: profile.default.fuel: "-1" is not an amount of fuel; write for example "10G" or a number
    airtight.toml:8: profile.default.timeout: "300" is not a duration; write for example "300s"
    airtight.toml:9: profile.default.stack: 2 GiB is too much; each worker thread reserves it; the most is 1 GiB
    airtight.toml:10: profile.default.output: expected a size, such as "256MiB", found a boolean
    airtight.toml:11: profile.default.handles: 4294967296 is not a whole number from 1 to 4294967295
    airtight.toml:12: profile.default.scratch: "lots" is not a size; write for example "256MiB" or a number of bytes
    airtight.toml:13: profile.default.scratch-entries: expected an integer, found a string
    airtight.toml:14: profile.default.leaks: `handle` is not a setting; did you mean `handles`?
    airtight.toml:14: profile.default.leaks.heap: "fial" is not an action; did you mean `fail`?
    airtight.toml:14: profile.default.leaks.tasks: expected a string, found an integer
    airtight.toml:15: profile.default.env.A: expected a string, found an integer
    airtight.toml:15: profile.default.env."B=C": "B=C" cannot be a variable's name; it may not hold `=` or NUL
    airtight.toml:15: profile.default.env.AIRTIGHT_SOCKETS: "AIRTIGHT_SOCKETS" cannot be a variable's name; the host sets it
    airtight.toml:16: profile.default.args[1]: expected a string, found an integer
    airtight.toml:16: profile.default.args[2]: "nul\0" cannot be an argument; it may not hold NUL
    airtight.toml:17: profile.default.stdin: expected a string, found an array
    airtight.toml:18: profile.default.seed: -1 is not a whole number from 0 to 18446744073709551615
    airtight.toml:19: profile.default.peak-heap: "1KiBs" is not a size; write for example "1KiB" or a number of bytes
    airtight.toml:20: profile.default: `colour` is not a setting; there are `memory`, `fuel`, `timeout`, `slow-timeout`, `output`, `handles`, `live-threads`, `scratch`, `scratch-entries`, `io`, `host-memory`, `peak-heap`, `lost`, `retained`, `allocations`, `largest-allocation`, `clock`, `clock-start`, `leaks`, `heap`, `tracked`, `env`, `args`, `stdin`, `stack`, `heap-accounting`, `panic`, `threads`, `setup-test`, `gate`, `baseline`, `seed`, `outbound`, `inherits`, `dir`, `socket`, `overrides`
    "#);
}

#[test]
fn directories() {
    let text = r#"[profile.default]
[[profile.default.dir]]
guest = "/a"
host = "tests/fixturs"
mode = "readonly"
[[profile.default.dir]]
guest = "b"
host = "tests/file"
mode = "overlaid"
[[profile.default.dir]]
guest = "/c/../d"
host = ""
name = "not a name"
[[profile.default.dir]]
guest = "/tmp"
host = "nowhere/at/all"
on-request = true
[[profile.default.dir]]
guest = "/e//f/"
host = "data"
memory = "1MiB"
[[profile.default.dir]]
[[profile.default.dir]]
guest = "/g"
host = "data"
name = "twice"
[[profile.default.dir]]
guest = "/g"
host = "data"
name = "twice"
"#;
    insta::assert_snapshot!(errors(text), @r#"
    airtight.toml:4: profile.default.dir[0].host: directory `tests/fixturs` does not exist (looked in /root); did you mean `tests/fixtures`?
    airtight.toml:5: profile.default.dir[0].mode: "readonly" is not a mode; did you mean `read-only`?
    airtight.toml:7: profile.default.dir[1].guest: guest path "b" is not absolute; write "/b"
    airtight.toml:8: profile.default.dir[1].host: `tests/file` is not a directory
    airtight.toml:9: profile.default.dir[1].mode: "overlaid" is not a mode; did you mean `overlay`?
    airtight.toml:11: profile.default.dir[2].guest: guest path "/c/../d" may not hold `..` or NUL
    airtight.toml:12: profile.default.dir[2].host: `` is no path; write "." for the workspace's own directory
    airtight.toml:13: profile.default.dir[2].name: "not a name" cannot be a grant's name; use ASCII letters, digits, `-`, `_` and `.`
    airtight.toml:15: profile.default.dir[3].guest: guest path "/tmp" is the scratch file system, which every test has
    airtight.toml:16: profile.default.dir[3].host: directory `nowhere/at/all` does not exist (looked in /root)
    airtight.toml:17: profile.default.dir[3]: `on-request` is not a setting of this table; a directory with a `name` is given on request, one without to every test
    airtight.toml:19: profile.default.dir[4].guest: guest path "/e//f/" is not in its shortest form; write "/e/f"
    airtight.toml:21: profile.default.dir[4]: `memory` is not a setting of this table; it belongs to a profile, such as [profile.default], or to one of its overrides
    airtight.toml:22: profile.default.dir[5]: `guest`, the path in the guest, is missing
    airtight.toml:22: profile.default.dir[5]: `host`, the directory to grant, is missing
    airtight.toml:27: profile.default.dir[7]: guest path `/g` is used twice; first in line 23
    airtight.toml:27: profile.default.dir[7]: name `twice` is used twice; first in line 23
    "#);
}

#[test]
fn unix_sockets_and_outbound_addresses() {
    let long = format!("tests/{}", "x".repeat(110));
    let text = format!(
        r#"[profile.default]
outbound = ["127.0.0.1:5432", "localhost:1", "10.0.0.1:0", "10.0.0.1", 7]
[[profile.default.socket]]
name = "a"
listen = "unix:"
[[profile.default.socket]]
name = "b"
connect = "unix:nowhere/app.sock"
[[profile.default.socket]]
name = "c"
listen = "unix:tests/"
[[profile.default.socket]]
name = "d"
listen = "unix:{long}"
[[profile.default.socket]]
name = "e"
connect = "unix:tests/.."
[[profile.default.socket]]
name = "f"
connect = "unix:tests/app.sock"
[[profile.default.socket]]
name = "g"
connect-to = "f"
"#
    );
    insta::assert_snapshot!(errors(&text).replace(&long, "tests/xxx"), @r#"
    airtight.toml:2: profile.default.outbound: "localhost:1" is not an IP address with a port; write for example "127.0.0.1:5432"
    airtight.toml:2: profile.default.outbound: "10.0.0.1:0" has no port to connect to; write for example "10.0.0.1:5432"
    airtight.toml:2: profile.default.outbound: "10.0.0.1" is not an IP address with a port; write for example "127.0.0.1:5432"
    airtight.toml:2: profile.default.outbound[4]: expected a string, found an integer
    airtight.toml:5: profile.default.socket[0].listen: `` is no path of a file; write for example unix:run/app.sock
    airtight.toml:8: profile.default.socket[1].connect: `nowhere/app.sock` is in a directory that does not exist
    airtight.toml:11: profile.default.socket[2].listen: `tests/` is no path of a file; write for example unix:run/app.sock
    airtight.toml:14: profile.default.socket[3].listen: `tests/xxx` has a longer path than a Unix socket can have (107 bytes, from the root); put it in a shorter one
    airtight.toml:17: profile.default.socket[4].connect: `tests/..` is no path of a file; write for example unix:run/app.sock
    airtight.toml:23: profile.default.socket[6].connect-to: `f` is not a listening socket
    "#);
}

#[test]
fn sockets() {
    let text = r#"[profile.default]
[[profile.default.socket]]
name = "a"
listen = "0.0.0.0:80"
[[profile.default.socket]]
name = "b"
listen = "localhost:8080"
[[profile.default.socket]]
name = "c"
connect = "127.0.0.1:0"
[[profile.default.socket]]
name = "d"
[[profile.default.socket]]
listen = "127.0.0.1:0"
connect-to = "a"
[[profile.default.socket]]
name = "e"
connect-to = "d2"
[[profile.default.socket]]
name = "f"
connect-to = "g"
[[profile.default.socket]]
name = "g"
connect = "[::1]:99"
on_request = true
[[profile.default.socket]]
name = "server"
listen = "[::1]:0"
on-request = true
[[profile.default.socket]]
name = "h"
connect-to = "server"
[[profile.default.socket]]
name = "i"
connect-to = "sever"
on-request = "yes"
"#;
    insta::assert_snapshot!(errors(text), @r#"
    airtight.toml:4: profile.default.socket[0].listen: "0.0.0.0:80" is not a loopback address; write for example "127.0.0.1:80"
    airtight.toml:7: profile.default.socket[1].listen: "localhost:8080" is not an address with a port; write for example "127.0.0.1:8080"
    airtight.toml:10: profile.default.socket[2].connect: "127.0.0.1:0" has no port to connect to; write for example "127.0.0.1:5432"
    airtight.toml:11: profile.default.socket[3]: one of `listen`, `connect` and `connect-to` is missing
    airtight.toml:13: profile.default.socket[4]: `name`, which tells the guest its sockets apart, is missing
    airtight.toml:13: profile.default.socket[4]: `connect-to` and `listen` exclude each other; keep one
    airtight.toml:18: profile.default.socket[5].connect-to: there is no listening socket `d2` in this profile; there is only `server`
    airtight.toml:21: profile.default.socket[6].connect-to: `g` is not a listening socket
    airtight.toml:25: profile.default.socket[7]: `on_request` is not a setting; did you mean `on-request`?
    airtight.toml:32: profile.default.socket[9].connect-to: `server` is given on request only, so this must be too: add on-request = true
    airtight.toml:35: profile.default.socket[10].connect-to: there is no listening socket `sever` in this profile; did you mean `server`?
    airtight.toml:36: profile.default.socket[10].on-request: expected true or false, found a string
    "#);
}

#[test]
fn overrides() {
    let text = r#"[profile.default]
dir = [{ guest = "/d", host = "data", name = "corpus" }]
[[profile.default.overrides]]
filter = "a"
stack = "1MiB"
seed = 1
cache-size = "1GiB"
grants = ["corpus", "corpse", "database"]
[[profile.default.overrides]]
memory = "0MiB"
lost = "3 bits"
[profile.ci]
filter = "b"
overrides = [{ filter = 3, module = "m", fuel = "1X" }]
"#;
    insta::assert_snapshot!(errors(text), @r#"
    airtight.toml:5: profile.default.overrides[0]: `stack` is not a setting of this table; it is compiled into the engine, so it has one value a run: set it in the profile
    airtight.toml:6: profile.default.overrides[0]: `seed` is not a setting of this table; it has one value a run, so that the report can name it: set it in the profile
    airtight.toml:7: profile.default.overrides[0]: `cache-size` is not a setting of this table; write it at the top of the file, before the first table
    airtight.toml:8: profile.default.overrides[0].grants: there is no grant `corpse` in profile `default`; did you mean `corpus`?
    airtight.toml:8: profile.default.overrides[0].grants: there is no grant `database` in profile `default`; there is only `corpus`
    airtight.toml:9: profile.default.overrides[1]: `filter`, a part of the names of tests (or `module`, of modules, or `package`, a whole name), is missing
    airtight.toml:10: profile.default.overrides[1].memory: 0 is too little; no test can run with it
    airtight.toml:11: profile.default.overrides[1].lost: "3 bits" is not a size; write for example "256MiB" or a number of bytes
    airtight.toml:13: profile.ci: `filter` is not a setting of this table; it belongs to an override, such as [[profile.default.overrides]]
    airtight.toml:14: profile.ci.overrides[0].filter: expected a string, found an integer
    airtight.toml:14: profile.ci.overrides[0].fuel: "1X" is not an amount of fuel; write for example "10G" or a number
    "#);
}

#[test]
fn profiles() {
    let text = r#"[profile.default]
inherits = "ci"
[profile.a]
inherits = "b"
[profile.b]
inherits = "c"
[profile.c]
inherits = "b"
[profile.d]
inherits = "d"
[profile.e]
inherits = "nigthly"
[profile.nightly]
dir = { guest = "/x" }
[profile]
fuel = "1G"
f = 3
"#;
    insta::assert_snapshot!(errors(text), @r"
    airtight.toml:2: profile.default.inherits: `default` is what all profiles start from, and cannot inherit; remove the setting
    airtight.toml:6: profile.b.inherits: profiles inherit in a circle: b -> c -> b
    airtight.toml:10: profile.d.inherits: profiles inherit in a circle: d -> d
    airtight.toml:12: profile.e.inherits: there is no profile `nigthly` in this file; did you mean `nightly`?
    airtight.toml:14: profile.nightly.dir: expected an array of tables, each under [[profile.NAME.dir]], found a table
    airtight.toml:16: profile: `fuel` is not a setting of this table; it belongs to a profile, such as [profile.default], or to one of its overrides
    airtight.toml:17: profile.f: expected a table, found an integer
    ");
}

#[test]
fn names_that_clash_only_once_inherited() {
    let text = r#"[profile.default]
socket = [{ name = "x", listen = "127.0.0.1:0" }]
overrides = [{ filter = "t", grants = ["y"] }]
dir = [{ guest = "/y", host = "data", name = "y" }]
[profile.ci]
dir = [
    { guest = "/x", host = "data", name = "x" },
    { guest = "/y", host = "data" },
]
"#;
    insta::assert_snapshot!(errors(text), @r"
    airtight.toml:3: profile.default.overrides[0].grants: there is no grant `y` in profile `ci`; there is only `x`
    airtight.toml:7: profile.ci.dir[0]: name `x` is used twice; first in line 2
    ");
}

#[test]
fn broken_toml() {
    let text = "[profile.default]\nmemory = 256MiB\nfuel =\nfuel = \"1G\"\n[profile.ci\nseed = -0x1f\n";
    insta::assert_snapshot!(errors(text), @r"
    airtight.toml:2: string values must be quoted, expected literal string: `256MiB`
    airtight.toml:3: string values must be quoted, expected literal string: `fuel =`
    airtight.toml:4: duplicate key: `fuel`
    airtight.toml:5: unclosed table, expected `]`: `[profile.ci`
    ");
    insta::assert_snapshot!(errors("profile = 3"), @r"airtight.toml:1: profile: expected a table, found an integer");
    insta::assert_snapshot!(errors("[[profile]]"), @r"airtight.toml:1: profile: expected a table, found an array");
}

#[test]
fn a_large_file_of_nothing_but_errors_is_read_to_its_end() {
    let errors = config_in(workspace().path(), &"= \n".repeat(50_000)).unwrap_err();
    assert_eq!(errors.0.len(), 11);
    let last = errors.0[10].to_string();
    assert!(last.starts_with("airtight.toml: there is more to put right: at least "), "{last}");
}

#[test]
fn every_setting_that_is_suggested_exists() {
    use crate::config::settings::{DIR, FILE, OVERRIDE, SOCKET, of_profiles, shared};
    let tables = [
        ("", [FILE, &[]].concat()),
        ("profile.p.", [shared(), of_profiles()].concat()),
        ("profile.p.overrides = [{ ", [&shared(), OVERRIDE].concat()),
        ("profile.p.dir = [{ ", DIR.to_vec()),
        ("profile.p.socket = [{ ", SOCKET.to_vec()),
    ];
    for (table, keys) in tables {
        for key in keys {
            let close = if table.ends_with("{ ") { " }]" } else { "" };
            let text = format!("{table}{key} = 1979-05-27{close}");
            let errors = errors(&text);
            assert!(!errors.contains("not a setting"), "{errors}");
        }
    }
}

/// Text that resembles a configuration.
fn nearly_toml() -> impl Strategy<Value = String> {
    let words = [
        "profile",
        "default",
        "ci",
        "memory",
        "fuel",
        "timeout",
        "stack",
        "peak-heap",
        "lost",
        "allocations",
        "heap-accounting",
        "leaks",
        "env",
        "args",
        "dir",
        "socket",
        "overrides",
        "guest",
        "host",
        "mode",
        "name",
        "listen",
        "connect-to",
        "grants",
        "inherits",
        "seed",
        "filter",
        ".",
        "=",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        ",",
        "\n",
        "\"",
        "'",
        "'''",
        "\\u0000",
        "\"4MiB\"",
        "\"/x\"",
        "\"data\"",
        "'ci'",
        "'a'",
        "1",
        "-1",
        "0xff",
        "1e9",
        "true",
        "1979-05-27",
        "#",
        "\r\n",
        "\u{feff}",
        "é",
    ];
    let word = prop_oneof![8 => prop::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => any::<String>()];
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in prop_oneof![any::<String>(), nearly_toml()]) {
        let root = std::env::temp_dir();
        if let Err(errors) = config_in(&root, &text) {
            prop_assert!(!errors.0.is_empty());
            // How many more errors there are has no line of its own.
            let lines: Vec<_> = errors.0.iter().filter_map(|error| error.line).collect();
            prop_assert!(lines.is_sorted() && lines[0] >= 1 && lines.len() + 1 >= errors.0.len());
        }
    }

    #[test]
    fn well_formed_tables_never_make_it_panic(
        pairs in prop::collection::vec(
            (
                prop::sample::select(vec![
                    "memory", "dir", "socket", "overrides", "leaks", "env", "inherits", "stack", "seed", "retained",
                    "allocations", "heap-accounting", "x",
                ]),
                prop::sample::select(vec![
                    "'4MiB'", "0", "'fail'", "false", "[]", "{}", "[{}]", "[{ guest = '/a', host = '.' }]", "'a'", "'b'", "[1, [2]]",
                    "{ heap = 'fail' }", "[{ name = 'a', connect-to = 'a' }]", "[{ filter = '', grants = ['a'] }]",
                ]),
            ),
            0..12,
        ),
    ) {
        let mut text = String::new();
        for (nth, (key, value)) in pairs.into_iter().enumerate() {
            let profile = ["default", "a", "b"][nth % 3];
            text.push_str(&format!("profile.{profile}.{key} = {value}\n"));
        }
        let root = workspace();
        if let Ok(config) = config_in(root.path(), &text) {
            for name in ["default", "a", "b"] {
                if let Ok(profile) = config.profile(name) {
                    let policy = profile.policy_for("m", "t", &super::super::Ask::default());
                    prop_assert!(policy.is_ok());
                }
            }
        }
    }
}

/// The work that a stranger's file causes grows with its length, and not with the square of its length.
#[test]
fn long_files_are_read_in_a_time_that_grows_with_their_length() {
    let began = std::time::Instant::now();
    let chain: String = (1..=3000).map(|nth| format!("[profile.p{nth}]\ninherits = \"p{}\"\n", nth - 1)).collect();
    let deep = errors(&format!("[profile.p0]\nmemory = \"1MiB\"\n{chain}"));
    assert!(deep.contains("this is more than 32 profiles deep; let it inherit from a nearer one"), "{deep}");
    assert!(deep.ends_with("errors are not listed"), "{deep}");
    assert_eq!(deep.lines().count(), 101);
    let keys: String = (0..50_000).map(|nth| format!("key-{nth} = 1\n")).collect();
    assert_eq!(errors(&format!("[profile.default]\n{keys}")).lines().count(), 101);
    let overrides: String =
        (0..20_000).map(|nth| format!("[[profile.default.overrides]]\ngrants = [\"x{nth}\"]\n")).collect();
    assert_eq!(errors(&overrides).lines().count(), 101);
    let long = "x".repeat(1 << 20);
    let said = errors(&format!("[profile.default]\n{long} = 1\n[profile.{long}y]\ninherits = \"{long}\"\n"));
    assert!(said.len() < 10_000 && said.contains("bytes left out"), "{}", said.len());
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn as_deep_as_is_allowed_is_allowed() {
    let file = |most: usize| -> String {
        let profile = |nth: usize| format!("[profile.p{nth}]\ninherits = \"p{}\"\n", nth - 1);
        std::iter::once("[profile.p0]\nmemory = \"1MiB\"\n".to_owned()).chain((1..=most).map(profile)).collect()
    };
    assert!(super::config(&file(31)).profile("p31").is_ok());
    assert!(errors(&file(32)).contains("profile.p32.inherits"));
}
