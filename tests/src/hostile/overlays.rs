//! Overlays: ways out of one, another process on the host that moves links about below it, and writes that must not reach
//! the host.
//!
//! Descriptors, beside those of every module: 6 lies over a directory that nobody else touches, and 7 over the read-write
//! directory, which the module can change at 5 behind the overlay's back.

use super::Hostile;
use super::paths::{FOLLOWED, LEAVING, no_secret};
use super::program::{CREATE, DIRECTORY, OUT, Program, READ, WRITE, open, opened};

const DIRS: [u32; 2] = [6, 7];

/// `O_TRUNC`.
const TRUNCATE: u32 = 8;

/// A module's name, and what writes its calls.
type NamedBuilder = (&'static str, fn(&mut Program));

pub fn all() -> Vec<Hostile> {
    let modules: [NamedBuilder; 8] = [
        ("left_by_opening", left_by_opening),
        ("left_by_looking", left_by_looking),
        ("left_by_changing", left_by_changing),
        ("left_for_another_grant", left_for_another_grant),
        ("special_files", special_files),
        ("written_to_all_over", written_to_all_over),
        ("race_with_the_host", race_with_the_host),
        ("race_with_a_link_of_its_own_making", race_with_a_link_of_its_own_making),
    ];
    let module = |(name, build): NamedBuilder| {
        let mut program = Program::default();
        build(&mut program);
        Hostile::passes("overlay", format!("overlay_{name}"), program.module(2))
    };
    modules.into_iter().map(module).collect()
}

fn everywhere(program: &mut Program, paths: &[&str], calls: impl Fn(&mut Program, u32, &str)) {
    for path in paths {
        let path = program.text(path);
        DIRS.into_iter().for_each(|dir| calls(program, dir, &path));
    }
}

fn left_by_opening(program: &mut Program) {
    let all = [LEAVING, FOLLOWED].concat();
    everywhere(program, &all, |program, dir, path| {
        for (oflags, rights) in [(0, READ), (CREATE, READ | WRITE), (TRUNCATE, WRITE), (DIRECTORY, 0)] {
            program.refused(open(dir, path, true, oflags, rights));
        }
    });
}

fn left_by_looking(program: &mut Program) {
    let all = [LEAVING, FOLLOWED].concat();
    everywhere(program, &all, |program, dir, path| {
        let times = "(i64.const 0) (i64.const 0) (i32.const 5)";
        program
            .refused(format!("path_filestat_get (i32.const {dir}) (i32.const 1) {path} (i32.const {OUT})"))
            .refused(format!("path_filestat_set_times (i32.const {dir}) (i32.const 1) {path} {times}"));
    });
    // Where an absolute link leads is the host's, and so is the length of that.
    everywhere(program, &["link_absolute", "link_dir_absolute", "link_proc"], |program, dir, path| {
        program
            .refused(format!(
                "path_readlink (i32.const {dir}) {path} (i32.const 1024) (i32.const 512) (i32.const {OUT})"
            ))
            .ok(format!("path_filestat_get (i32.const {dir}) (i32.const 0) {path} (i32.const {OUT})"))
            .code(format!("(if (i64.ne (i64.load (i32.const {})) (i64.const 0)) (then unreachable))", OUT + 32));
    });
}

fn left_by_changing(program: &mut Program) {
    let plain = program.text("dir/inside.txt");
    everywhere(program, LEAVING, |program, dir, path| {
        program
            .refused(format!("path_create_directory (i32.const {dir}) {path}"))
            .refused(format!("path_remove_directory (i32.const {dir}) {path}"))
            .refused(format!("path_unlink_file (i32.const {dir}) {path}"))
            .refused(format!("path_symlink {plain} (i32.const {dir}) {path}"))
            .refused(format!("path_rename (i32.const {dir}) {path} (i32.const {dir}) {plain}"))
            .refused(format!("path_rename (i32.const {dir}) {plain} (i32.const {dir}) {path}"))
            .refused(format!("path_link (i32.const {dir}) (i32.const 0) {path} (i32.const {dir}) {plain}"))
            .refused(format!("path_link (i32.const {dir}) (i32.const 0) {plain} (i32.const {dir}) {path}"));
    });
}

/// A name cannot be moved between file systems, nor made in two.
fn left_for_another_grant(program: &mut Program) {
    let (file, new) = (program.text("inside.txt"), program.text("new"));
    for (from, to) in [(6, 3), (6, 4), (6, 5), (6, 7), (7, 5), (5, 7), (4, 6), (7, 6)] {
        program
            .refused(format!("path_rename (i32.const {from}) {file} (i32.const {to}) {new}"))
            .refused(format!("path_link (i32.const {from}) (i32.const 0) {file} (i32.const {to}) {new}"));
    }
}

fn special_files(program: &mut Program) {
    everywhere(program, &["fifo", "socket", "link_fifo", "link_device", "link_proc", "fifo/"], |program, dir, path| {
        for (oflags, rights) in [(0, READ), (0, WRITE), (TRUNCATE, WRITE), (DIRECTORY, 0)] {
            program.refused(open(dir, path, true, oflags, rights));
        }
    });
}

/// Everything that may be done in an overlay: whoever watches the host sees none of it.
fn written_to_all_over(program: &mut Program) {
    let [file, new, dir, inner, moved, link, fifo, deep] =
        ["inside.txt", "new", "dir", "dir/inner", "moved", "link_up", "fifo", "moved/inside.txt"]
            .map(|path| program.text(path));
    for path in [&file, &new] {
        program
            .ok(open(6, path, true, CREATE | TRUNCATE, READ | WRITE))
            .code(format!("(local.set $fd {})", opened()))
            // One buffer of 16 bytes at 600, described at 608.
            .code("(i32.store (i32.const 608) (i32.const 600)) (i32.store (i32.const 612) (i32.const 16))")
            .ok("fd_write (local.get $fd) (i32.const 608) (i32.const 1) (i32.const 616)")
            .ok("fd_close (local.get $fd)");
    }
    let times = "(i64.const 0) (i64.const 0) (i32.const 5)";
    program
        .ok(format!("path_filestat_set_times (i32.const 6) (i32.const 0) {link} {times}"))
        .ok(format!("path_filestat_set_times (i32.const 6) (i32.const 0) {dir} {times}"))
        .ok(format!("path_rename (i32.const 6) {inner} (i32.const 6) {moved}"))
        .ok(format!("path_unlink_file (i32.const 6) {deep}"))
        .ok(format!("path_remove_directory (i32.const 6) {moved}"))
        .ok(format!("path_unlink_file (i32.const 6) {link}"))
        .ok(format!("path_rename (i32.const 6) {fifo} (i32.const 6) {link}"))
        .ok(format!("path_link (i32.const 6) (i32.const 0) {file} (i32.const 6) {moved}"))
        .ok(format!("path_create_directory (i32.const 6) {inner}"));
}

/// Somebody outside moves a link over this directory and back, all the time.
fn race_with_the_host(program: &mut Program) {
    let swapped = program.text("swapped");
    program.times(1000, |program| {
        no_secret(program, 7, "swapped/secret.txt");
        program
            .code(format!("(if (i32.eqz (call ${})) (then", open(7, &swapped, true, DIRECTORY, 0)))
            .code(format!("(local.set $fd {})", opened()))
            .any("fd_readdir (local.get $fd) (i32.const 4096) (i32.const 4096) (i64.const 0) (i32.const 600)")
            .ok("fd_close (local.get $fd)")
            .code("))");
    });
}

/// The overlay has met a directory, and has not opened it, when a link out of the grant takes its place.
fn race_with_a_link_of_its_own_making(program: &mut Program) {
    let up = program.text("..");
    for nth in 0..20 {
        let [dir, aside, file] = [format!("met_{nth}"), format!("aside_{nth}"), format!("met_{nth}/secret.txt")]
            .map(|path| program.text(path));
        program
            .ok(format!("path_create_directory (i32.const 5) {dir}"))
            .ok(format!("path_filestat_get (i32.const 7) (i32.const 0) {dir} (i32.const {OUT})"))
            .ok(format!("path_rename (i32.const 5) {dir} (i32.const 5) {aside}"))
            .ok(format!("path_symlink {up} (i32.const 5) {dir}"))
            .refused(open(7, &file, true, 0, READ))
            .refused(format!("path_filestat_get (i32.const 7) (i32.const 1) {file} (i32.const {OUT})"))
            .ok(format!("path_unlink_file (i32.const 5) {dir}"))
            .ok(format!("path_remove_directory (i32.const 5) {aside}"));
    }
}
