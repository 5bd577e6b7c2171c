//! Descriptors that the guest was never given, numbers moved about, buffers outside of the memory, and descriptors without
//! end.

use super::program::{ALL, CREATE, OUT, Program, READ, WRITE, open, opened};
use super::{Expect, Hostile};

/// The end of a memory of two pages.
const END: u32 = 2 << 16;

pub fn all() -> Vec<Hostile> {
    [guesses(), renumbering(), buffers(), floods_of_handles()].into_iter().flatten().collect()
}

fn build(class: &'static str, name: &str, make: impl FnOnce(&mut Program)) -> Hostile {
    let mut program = Program::default();
    make(&mut program);
    Hostile::passes(class, format!("{class}_{name}"), program.module(2))
}

fn guesses() -> Vec<Hostile> {
    let every_call = |program: &mut Program, fd: &str| {
        let path = program.text("inside.txt");
        for call in [
            format!("fd_close {fd}"),
            format!("fd_fdstat_get {fd} (i32.const {OUT})"),
            format!("fd_filestat_get {fd} (i32.const {OUT})"),
            format!("fd_filestat_set_size {fd} (i64.const 0)"),
            format!("fd_allocate {fd} (i64.const 0) (i64.const 1)"),
            format!("fd_seek {fd} (i64.const 0) (i32.const 0) (i32.const {OUT})"),
            format!("fd_read {fd} (i32.const 0) (i32.const 0) (i32.const {OUT})"),
            format!("fd_write {fd} (i32.const 0) (i32.const 0) (i32.const {OUT})"),
            format!("fd_readdir {fd} (i32.const 0) (i32.const 64) (i64.const 0) (i32.const {OUT})"),
            format!("fd_prestat_get {fd} (i32.const {OUT})"),
            format!("sock_accept {fd} (i32.const 0) (i32.const {OUT})"),
            format!("path_filestat_get {fd} (i32.const 1) {path} (i32.const {OUT})"),
            format!("path_unlink_file {fd} {path}"),
        ] {
            program.refused(call);
        }
    };
    vec![
        build("descriptor", "guessed_in_a_row", |program| {
            program.code("(local.set $fd (i32.const 6))").times(2000, |program| {
                every_call(program, "(local.get $fd)");
                program.code("(local.set $fd (i32.add (local.get $fd) (i32.const 1)))");
            });
        }),
        build("descriptor", "guessed_at_the_ends", |program| {
            for fd in ["-1", "0x7fffffff", "0x80000000", "0xfffffffe", "0x10000", "1024"] {
                every_call(program, &format!("(i32.const {fd})"));
            }
        }),
        build("descriptor", "used_after_close", |program| {
            let path = program.text("inside.txt");
            program.ok(open(5, &path, true, 0, READ)).code(format!("(local.set $fd {})", opened()));
            program.ok("fd_close (local.get $fd)");
            every_call(program, "(local.get $fd)");
        }),
        build("descriptor", "closes_what_was_granted", |program| {
            for fd in 0..6 {
                program.ok(format!("fd_close (i32.const {fd})"));
                every_call(program, &format!("(i32.const {fd})"));
            }
        }),
        build("descriptor", "of_another_kind", |program| {
            let path = program.text("inside.txt");
            program
                .refused(format!("path_filestat_get (i32.const 1) (i32.const 1) {path} (i32.const {OUT})"))
                .refused(format!("fd_read (i32.const 5) (i32.const 0) (i32.const 0) (i32.const {OUT})"))
                .refused(format!("fd_write (i32.const 5) (i32.const 0) (i32.const 0) (i32.const {OUT})"))
                .refused(format!("fd_write (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {OUT})"))
                .refused(format!("fd_read (i32.const 1) (i32.const 0) (i32.const 0) (i32.const {OUT})"))
                .refused(format!("sock_accept (i32.const 5) (i32.const 0) (i32.const {OUT})"))
                .refused(format!(
                    "fd_readdir (i32.const 1) (i32.const 0) (i32.const 64) (i64.const 0) (i32.const {OUT})"
                ));
        }),
    ]
}

fn renumbering() -> Vec<Hostile> {
    let renumber = |from: &str, to: &str| format!("fd_renumber (i32.const {from}) (i32.const {to})");
    vec![
        build("renumber", "onto_itself", |program| {
            program.times(1000, |program| {
                program.ok(renumber("5", "5"));
            });
            let path = program.text("inside.txt");
            program.ok(format!("path_filestat_get (i32.const 5) (i32.const 1) {path} (i32.const {OUT})"));
        }),
        build("renumber", "a_grant_onto_another", |program| {
            let path = program.text("new");
            // What was read-only stays so under another number.
            program.ok(renumber("4", "5")).refused(open(5, &path, true, CREATE, WRITE));
            program.refused(format!("fd_fdstat_get (i32.const 4) (i32.const {OUT})"));
        }),
        build("renumber", "onto_the_streams", |program| {
            program.ok(renumber("4", "1")).ok(renumber("5", "2")).ok(renumber("3", "0"));
            program.refused(format!("fd_write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const {OUT})"));
        }),
        build("renumber", "from_what_is_closed", |program| {
            program.ok("fd_close (i32.const 4)").refused(renumber("4", "5")).refused(renumber("5", "4"));
            program.refused(renumber("4", "4")).refused(renumber("77", "77"));
        }),
        build("renumber", "to_the_ends", |program| {
            for to in ["-1", "0x7fffffff", "0x80000000", "100000000", "6"] {
                program.refused(renumber("5", to)).refused(renumber(to, "5"));
            }
        }),
    ]
}

fn buffers() -> Vec<Hostile> {
    let vector = |at: u32, to: u32, len: u32| {
        format!("(i32.store (i32.const {at}) (i32.const {to})) (i32.store offset=4 (i32.const {at}) (i32.const {len}))")
    };
    // A pointer to nowhere is not a mistake that a C library makes, so it ends the test.
    let trap = |name: String, code: String, call: String| {
        let mut program = Program::default();
        program.code(code).any(call);
        Hostile::new("buffer", format!("buffer_{name}"), Expect::Verdict("fail"), program.module(2))
    };
    let mut found = Vec::new();
    for (at, (to, len)) in
        [(END, 1), (END - 1, 2), (u32::MAX, 1), (1, u32::MAX), (END - 8, 0x8000_0000)].into_iter().enumerate()
    {
        let write = format!("fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const {OUT})");
        found.push(trap(format!("written_from_outside_{at}"), vector(64, to, len), write));
        let random = format!("random_get (i32.const {to}) (i32.const {len})");
        found.push(trap(format!("of_randomness_outside_{at}"), String::new(), random));
    }
    for (at, out) in [END, END - 8, u32::MAX - 7].into_iter().enumerate() {
        let stat = format!("fd_fdstat_get (i32.const 1) (i32.const {out})");
        found.push(trap(format!("of_results_outside_{at}"), String::new(), stat));
        let write = format!("fd_write (i32.const 1) (i32.const {out}) (i32.const 2) (i32.const {OUT})");
        found.push(trap(format!("of_vectors_outside_{at}"), String::new(), write));
        let poll = format!("poll_oneoff (i32.const {out}) (i32.const 0) (i32.const 1) (i32.const {OUT})");
        found.push(trap(format!("of_subscriptions_outside_{at}"), String::new(), poll));
        let path = format!("path_unlink_file (i32.const 5) (i32.const {out}) (i32.const 16)");
        found.push(trap(format!("of_a_path_outside_{at}"), String::new(), path));
    }
    found.extend([
        build("buffer", "vectors_without_end", |program| {
            for (at, count) in [(0, u32::MAX), (0, 1025), (8, 0x2000_0000), (END, 0x8000_0000)] {
                program
                    .refused(format!("fd_write (i32.const 1) (i32.const {at}) (i32.const {count}) (i32.const {OUT})"));
                program.refused(format!(
                    "poll_oneoff (i32.const {at}) (i32.const {at}) (i32.const {count}) (i32.const {OUT})"
                ));
            }
        }),
        build("buffer", "of_no_length", |program| {
            for at in [0, 64, END] {
                program.code(vector(64, at, 0));
                program.ok(format!("fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const {OUT})"));
                program.ok(format!("random_get (i32.const {at}) (i32.const 0)"));
            }
        }),
        build("buffer", "over_itself", |program| {
            let path = program.text("scratch");
            program.ok(open(3, &path, true, CREATE, READ | WRITE)).code(format!("(local.set $fd {})", opened()));
            // Each vector is a part of what is read into it.
            for at in (0..64).step_by(8) {
                program.code(vector(at, 0, 64));
            }
            program.ok(format!("fd_write (local.get $fd) (i32.const 0) (i32.const 8) (i32.const {OUT})"));
            program.any("fd_pread (local.get $fd) (i32.const 0) (i32.const 8) (i64.const 0) (i32.const 0)");
            program.ok("fd_close (local.get $fd)").ok(format!("path_unlink_file (i32.const 3) {path}"));
        }),
        build("buffer", "at_offsets_past_all_files", |program| {
            let path = program.text("scratch");
            program.ok(open(3, &path, true, CREATE, ALL)).code(format!("(local.set $fd {})", opened()));
            program.code(vector(64, 0, 8));
            let pwrite = |offset: &str| {
                format!("fd_pwrite (local.get $fd) (i32.const 64) (i32.const 1) (i64.const {offset}) (i32.const {OUT})")
            };
            let set_size = |offset: &str| format!("fd_filestat_set_size (local.get $fd) (i64.const {offset})");
            for offset in ["-1", "0x8000000000000000"] {
                program.refused(pwrite(offset)).refused(set_size(offset));
            }
            // Holes take no room, up to the largest size that there is.
            program.ok(pwrite("0x1000000000")).ok(set_size("0x7fffffffffffffff")).refused(pwrite("0x7fffffffffffffff"));
            for offset in ["-1", "0x7fffffffffffffff", "0x8000000000000000", "0x1000000000"] {
                program.refused(format!("fd_allocate (local.get $fd) (i64.const {offset}) (i64.const {offset})"));
            }
            program.ok("fd_close (local.get $fd)").ok(format!("path_unlink_file (i32.const 3) {path}"));
        }),
    ]);
    found
}

fn floods_of_handles() -> Vec<Hostile> {
    let opening = |name: &str, expect, make: &dyn Fn(&mut Program)| {
        let mut program = Program::default();
        make(&mut program);
        Hostile::new("handles", format!("handles_{name}"), Expect::Verdict(expect), program.module(2))
    };
    vec![
        opening("opened_and_closed_for_ever", "timeout", &|program| {
            let path = program.text("inside.txt");
            program.forever(|program| {
                program.ok(open(5, &path, true, 0, READ)).ok(format!("fd_close {}", opened()));
            });
        }),
        opening("opened_for_ever", "timeout", &|program| {
            let path = program.text("inside.txt");
            program.forever(|program| {
                program.any(open(5, &path, true, 0, READ));
            });
        }),
        opening("opened_to_the_limit_and_left", "leak", &|program| {
            let path = program.text("inside.txt");
            program.times(1000, |program| {
                program.any(open(4, &path, true, 0, READ));
            });
            program.refused(open(5, &path, true, 0, READ));
        }),
        opening("of_directories_that_are_listed", "leak", &|program| {
            let path = program.text("dir");
            program.times(1000, |program| {
                program.any(open(4, &path, true, 2, 0)).any(format!(
                    "fd_readdir {} (i32.const 4096) (i32.const 4096) (i64.const 0) (i32.const 600)",
                    opened()
                ));
            });
        }),
        opening("of_scratch_files_without_names", "leak", &|program| {
            let path = program.text("gone");
            program.times(1000, |program| {
                program.any(open(3, &path, true, CREATE, WRITE)).any(format!("path_unlink_file (i32.const 3) {path}"));
            });
        }),
    ]
}
