//! Paths that lead out of a grant, races for them, invalid names, and files that are not regular files.

use super::Hostile;
use super::program::{CREATE, DIRECTORY, OUT, Program, READ, WRITE, open, opened};

/// Paths that lead out of every directory, or nowhere, whatever is done with them.
pub(super) const LEAVING: &[&str] = &[
    "..",
    "../",
    "../secret.txt",
    "../../../../../../../../etc/passwd",
    "/etc/passwd",
    "/",
    "//etc/passwd",
    "/proc/self/mem",
    "dir/../../secret.txt",
    "./../secret.txt",
    "dir//../..//secret.txt",
    "dir/inner/../../../secret.txt",
    "link_dir/secret.txt",
    "link_dir/new",
    "link_dir_absolute/secret.txt",
    "link_dir_absolute/new",
    "link_root/etc/passwd",
    "link_root/tmp/new",
    "loop_1/x",
    "loop_self/x",
    "inside.txt/../../secret.txt",
    "inside.txt/x",
    "nowhere/../../secret.txt",
    "",
    "a\0b",
    "../secret.txt\0",
];

/// Paths that lead out of a grant where the link at their end is followed.
pub(super) const FOLLOWED: &[&str] = &[
    "link_up",
    "link_absolute",
    "link_dir",
    "link_dir_absolute",
    "link_root",
    "chain_1",
    "dir/chain_3",
    "loop_1",
    "loop_self",
    "link_proc",
    "link_device",
    "link_dir_slash",
    "link_up/",
    "link_dir/",
    "link_dir_slash/",
];

/// A slash asks for what the link leads to, of calls too that follow none.
const SLASHED: &[&str] = &[
    "link_up/",
    "link_dir/",
    "link_dir//",
    "link_dir_absolute/",
    "link_dir_slash/",
    "link_root/",
    "chain_1/",
    "loop_self/",
    "link_proc/",
];

const DIRS: [u32; 3] = [3, 4, 5];

pub fn all() -> Vec<Hostile> {
    [escapes(), races(), names(), special_files()].into_iter().flatten().collect()
}

/// One module for each call that takes a path: with every path, in every grant.
fn escapes() -> Vec<Hostile> {
    let own = |dir: u32, at: String| format!("(i32.const {dir}) {at}");
    type CallBuilder = fn(u32, &str, &str) -> String;
    let calls: [(&str, bool, CallBuilder); 13] = [
        ("open", true, |dir, path, _| open(dir, path, true, 0, READ)),
        ("open_to_create", true, |dir, path, _| open(dir, path, true, CREATE, READ | WRITE)),
        ("open_a_directory", true, |dir, path, _| open(dir, path, true, DIRECTORY, 0)),
        ("stat", true, |dir, path, _| {
            format!("path_filestat_get (i32.const {dir}) (i32.const 1) {path} (i32.const {OUT})")
        }),
        ("set_times", true, |dir, path, _| {
            format!(
                "path_filestat_set_times (i32.const {dir}) (i32.const 1) {path} (i64.const 0) (i64.const 0) (i32.const 5)"
            )
        }),
        ("make_a_directory", false, |dir, path, _| format!("path_create_directory (i32.const {dir}) {path}")),
        ("remove_a_directory", false, |dir, path, _| format!("path_remove_directory (i32.const {dir}) {path}")),
        ("unlink", false, |dir, path, _| format!("path_unlink_file (i32.const {dir}) {path}")),
        ("read_a_link", false, |dir, path, _| {
            format!("path_readlink (i32.const {dir}) {path} (i32.const 1024) (i32.const 512) (i32.const {OUT})")
        }),
        ("make_a_link", false, |dir, path, plain| format!("path_symlink {plain} (i32.const {dir}) {path}")),
        ("rename_from", false, |dir, path, plain| {
            format!("path_rename (i32.const {dir}) {path} (i32.const 5) {plain}")
        }),
        ("rename_to", false, |dir, path, plain| format!("path_rename (i32.const 5) {plain} (i32.const {dir}) {path}")),
        ("hard_link_from", false, |dir, path, plain| {
            format!("path_link (i32.const {dir}) (i32.const 0) {path} (i32.const 5) {plain}")
        }),
    ];
    let mut found: Vec<Hostile> = calls
        .into_iter()
        .map(|(name, follows, call)| {
            let mut program = Program::default();
            let plain = program.text("dir/inside.txt");
            for path in LEAVING {
                let path = program.text(path);
                for dir in DIRS {
                    program.refused(call(dir, &path, &plain));
                }
            }
            // The scratch file system has no links yet, so that these would be names of its own.
            for path in FOLLOWED.iter().filter(|_| follows) {
                let path = program.text(path);
                program.refused(call(4, &path, &plain)).refused(call(5, &path, &plain));
            }
            Hostile::passes("escape", format!("escape_{name}"), program.module(2))
        })
        .collect();
    found.push(by_slashes());
    // Nothing of a read-only grant's can be changed by any call, inside or not.
    let mut program = Program::default();
    let (file, new, dir) = (program.text("inside.txt"), program.text("new"), program.text("dir/inner"));
    program
        .refused(open(4, &new, true, CREATE, READ))
        .refused(open(4, &file, true, 8, READ))
        .refused(open(4, &file, true, 0, WRITE))
        .refused(format!("path_create_directory {}", own(4, new.clone())))
        .refused(format!("path_remove_directory {}", own(4, dir)))
        .refused(format!("path_unlink_file {}", own(4, file.clone())))
        .refused(format!("path_symlink {file} {}", own(4, new.clone())))
        .refused(format!("path_rename {} (i32.const 5) {new}", own(4, file.clone())))
        .refused(format!("path_link (i32.const 4) (i32.const 0) {file} (i32.const 4) {new}"))
        .refused(format!("path_link (i32.const 4) (i32.const 0) {file} (i32.const 5) {new}"));
    found.push(Hostile::passes("escape", "escape_by_writing_where_only_reading_is_granted", program.module(1)));
    found
}

fn by_slashes() -> Hostile {
    let mut program = Program::default();
    let (plain, new) = (program.text("dir/inside.txt"), program.text("new"));
    for path in SLASHED {
        let path = program.text(path);
        for dir in [4, 5] {
            for (oflags, rights) in [(0, READ), (CREATE, READ | WRITE), (DIRECTORY, 0)] {
                program.refused(open(dir, &path, false, oflags, rights));
            }
            let times = "(i64.const 0) (i64.const 0) (i32.const 5)";
            program
                .refused(format!("path_filestat_get (i32.const {dir}) (i32.const 0) {path} (i32.const {OUT})"))
                .refused(format!("path_filestat_set_times (i32.const {dir}) (i32.const 0) {path} {times}"))
                .refused(format!(
                    "path_readlink (i32.const {dir}) {path} (i32.const 1024) (i32.const 512) (i32.const {OUT})"
                ))
                .refused(format!("path_create_directory (i32.const {dir}) {path}"))
                .refused(format!("path_remove_directory (i32.const {dir}) {path}"))
                .refused(format!("path_unlink_file (i32.const {dir}) {path}"))
                .refused(format!("path_symlink {plain} (i32.const {dir}) {path}"))
                .refused(format!("path_link (i32.const {dir}) (i32.const 0) {path} (i32.const {dir}) {new}"))
                .refused(format!("path_rename (i32.const {dir}) {path} (i32.const {dir}) {new}"))
                .refused(format!("path_rename (i32.const {dir}) {plain} (i32.const {dir}) {path}"));
        }
    }
    Hostile::passes("escape", "escape_by_a_slash_after_a_link", program.module(2))
}

/// Opens `path`, and traps where what can be read there is a secret.
pub(super) fn no_secret(program: &mut Program, dir: u32, path: &str) {
    let path = program.text(path);
    program
        .code(format!("(if (i32.eqz (call ${})) (then", open(dir, &path, true, 0, READ)))
        // A buffer of one byte at 600, described at 608.
        .code("(i32.store8 (i32.const 600) (i32.const 0)) (i32.store (i32.const 608) (i32.const 600))")
        .code("(i32.store (i32.const 612) (i32.const 1))")
        .any(format!("fd_read {} (i32.const 608) (i32.const 1) (i32.const 616)", opened()))
        .code("(if (i32.eq (i32.load8_u (i32.const 600)) (i32.const 83)) (then unreachable))")
        .ok(format!("fd_close {}", opened()))
        .code("))");
}

fn races() -> Vec<Hostile> {
    let mut found = Vec::new();
    let mut add = |name: &str, build: &dyn Fn(&mut Program)| {
        let mut program = Program::default();
        build(&mut program);
        found.push(Hostile::passes("race", format!("race_{name}"), program.module(2)));
    };
    // Somebody outside moves a link over this directory and back, all the time.
    add("with_the_host_for_a_file", &|program| {
        program.times(3000, |program| no_secret(program, 5, "swapped/secret.txt"));
    });
    add("with_the_host_for_a_directory", &|program| {
        let dir = program.text("swapped");
        let file = program.text("secret.txt");
        program.times(2000, |program| {
            program
                .code(format!("(if (i32.eqz (call ${})) (then", open(5, &dir, true, DIRECTORY, 0)))
                .code(format!("(local.set $fd {})", opened()))
                .any(format!("path_filestat_get (local.get $fd) (i32.const 1) {file} (i32.const {OUT})"))
                // Its size tells the two files apart.
                .code("(if (i64.eq (i64.load (i32.const 544)) (i64.const 13)) (then unreachable))")
                .ok("fd_close (local.get $fd)")
                .code("))");
        });
    });
    add("by_renaming_a_link_over_a_directory", &|program| {
        let (a, b, c) = (program.text("race_a"), program.text("race_b"), program.text("race_c"));
        let up = program.text("..");
        program.any(format!("path_create_directory (i32.const 5) {a}"));
        program.any(format!("path_symlink {up} (i32.const 5) {b}"));
        program.times(1000, |program| {
            program
                .any(format!("path_rename (i32.const 5) {a} (i32.const 5) {c}"))
                .any(format!("path_rename (i32.const 5) {b} (i32.const 5) {a}"));
            no_secret(program, 5, "race_a/secret.txt");
            program
                .any(format!("path_rename (i32.const 5) {a} (i32.const 5) {b}"))
                .any(format!("path_rename (i32.const 5) {c} (i32.const 5) {a}"));
        });
        program.any(format!("path_remove_directory (i32.const 5) {a}"));
        program.any(format!("path_unlink_file (i32.const 5) {b}"));
    });
    add("by_moving_an_open_directory", &|program| {
        let (deep, shallow) = (program.text("dir/moving"), program.text("moving"));
        let up = program.text("../../secret.txt");
        program.any(format!("path_create_directory (i32.const 5) {deep}"));
        program.ok(open(5, &deep, true, DIRECTORY, 0)).code(format!("(local.set $fd {})", opened()));
        program.times(500, |program| {
            program
                .ok(format!("path_rename (i32.const 5) {deep} (i32.const 5) {shallow}"))
                .refused(format!("path_filestat_get (local.get $fd) (i32.const 1) {up} (i32.const {OUT})"))
                .ok(format!("path_rename (i32.const 5) {shallow} (i32.const 5) {deep}"))
                .refused(format!("path_filestat_get (local.get $fd) (i32.const 1) {up} (i32.const {OUT})"));
        });
        program.ok("fd_close (local.get $fd)").ok(format!("path_remove_directory (i32.const 5) {deep}"));
    });
    add("in_scratch_with_links_made_and_removed", &|program| {
        let (link, up) = (program.text("link"), program.text("../../../../../etc/passwd"));
        program.times(2000, |program| {
            program
                .any(format!("path_symlink {up} (i32.const 3) {link}"))
                .refused(open(3, &link, true, 0, READ))
                .any(format!("path_unlink_file (i32.const 3) {link}"));
        });
    });
    add("with_the_host_while_listing", &|program| {
        let dir = program.text("swapped");
        program.times(500, |program| {
            program
                .code(format!("(if (i32.eqz (call ${})) (then", open(5, &dir, true, DIRECTORY, 0)))
                .code(format!("(local.set $fd {})", opened()))
                .any("fd_readdir (local.get $fd) (i32.const 4096) (i32.const 4096) (i64.const 0) (i32.const 600)")
                .ok("fd_close (local.get $fd)")
                .code("))");
        });
    });
    found
}

fn names() -> Vec<Hostile> {
    let long = vec![b'a'; 300];
    let path_max = vec![b'/'; 10_000];
    let deep: Vec<u8> = b"dir/".iter().copied().cycle().take(4 * 1500).collect();
    let cases: [(&str, &[u8]); 7] = [
        ("not_unicode", b"\xff\xfe"),
        ("cut_short", b"inside\xe2\x82"),
        ("surrogate", b"\xed\xa0\x80"),
        ("overlong_slash", b"..\xc0\xafsecret.txt"),
        ("too_long", &long),
        ("path_too_long", &path_max),
        ("too_deep", &deep),
    ];
    let module = |name: &[u8]| {
        let mut program = Program::default();
        let name = program.text(name);
        for dir in DIRS {
            program
                .refused(open(dir, &name, true, CREATE, READ | WRITE))
                .refused(format!("path_create_directory (i32.const {dir}) {name}"))
                .refused(format!("path_unlink_file (i32.const {dir}) {name}"))
                .refused(format!("path_symlink {name} (i32.const {dir}) {name}"))
                .refused(format!("path_rename (i32.const {dir}) {name} (i32.const {dir}) {name}"));
        }
        program.module(2)
    };
    cases.into_iter().map(|(what, name)| Hostile::passes("name", format!("name_{what}"), module(name))).collect()
}

fn special_files() -> Vec<Hostile> {
    let module = |name: &str| {
        let mut program = Program::default();
        let name = program.text(name);
        for dir in [4, 5] {
            for (flags, rights) in [(0, READ), (0, WRITE), (0, READ | WRITE), (8, WRITE), (DIRECTORY, 0)] {
                program.refused(open(dir, &name, true, flags, rights));
            }
        }
        program.module(1)
    };
    let names = ["fifo", "socket", "device", "link_fifo", "link_device", "link_proc", "fifo/"];
    names
        .into_iter()
        .map(|name| Hostile::passes("special", format!("special_{}", name.replace('/', "_slash")), module(name)))
        .collect()
}
