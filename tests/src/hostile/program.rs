//! Programs that call WASI, put together from single calls.

use super::wat;
use std::fmt::Write;

/// Where strings are kept in memory; below is room for buffers, and results go to [`OUT`].
const STRINGS: usize = 16 << 10;
/// An address for what a call writes.
pub const OUT: usize = 512;

const IMPORTS: &[(&str, &str)] = &[
    ("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32"),
    ("path_create_directory", "i32 i32 i32"),
    ("path_remove_directory", "i32 i32 i32"),
    ("path_unlink_file", "i32 i32 i32"),
    ("path_rename", "i32 i32 i32 i32 i32 i32"),
    ("path_link", "i32 i32 i32 i32 i32 i32 i32"),
    ("path_symlink", "i32 i32 i32 i32 i32"),
    ("path_readlink", "i32 i32 i32 i32 i32 i32"),
    ("path_filestat_get", "i32 i32 i32 i32 i32"),
    ("path_filestat_set_times", "i32 i32 i32 i32 i64 i64 i32"),
    ("fd_close", "i32"),
    ("fd_renumber", "i32 i32"),
    ("fd_read", "i32 i32 i32 i32"),
    ("fd_write", "i32 i32 i32 i32"),
    ("fd_pread", "i32 i32 i32 i64 i32"),
    ("fd_pwrite", "i32 i32 i32 i64 i32"),
    ("fd_readdir", "i32 i32 i32 i64 i32"),
    ("fd_fdstat_get", "i32 i32"),
    ("fd_filestat_get", "i32 i32"),
    ("fd_filestat_set_size", "i32 i64"),
    ("fd_allocate", "i32 i64 i64"),
    ("fd_seek", "i32 i64 i32 i32"),
    ("fd_prestat_get", "i32 i32"),
    ("fd_prestat_dir_name", "i32 i32 i32"),
    ("args_get", "i32 i32"),
    ("environ_get", "i32 i32"),
    ("clock_time_get", "i32 i64 i32"),
    ("poll_oneoff", "i32 i32 i32 i32"),
    ("random_get", "i32 i32"),
    ("sock_accept", "i32 i32 i32"),
    ("sock_recv", "i32 i32 i32 i32 i32 i32"),
];

/// A program of one function.
#[derive(Default)]
pub struct Program {
    strings: Vec<u8>,
    body: String,
}

impl Program {
    /// A string in memory, as the two arguments that say where it is.
    pub fn text(&mut self, text: impl AsRef<[u8]>) -> String {
        let at = STRINGS + self.strings.len();
        self.strings.extend_from_slice(text.as_ref());
        format!("(i32.const {at}) (i32.const {})", text.as_ref().len())
    }

    /// Any instructions.
    pub fn code(&mut self, code: impl AsRef<str>) -> &mut Self {
        self.body.push_str(code.as_ref());
        self.body.push('\n');
        self
    }

    /// A call that must succeed.
    pub fn ok(&mut self, call: impl AsRef<str>) -> &mut Self {
        self.code(format!("(call $ok (call ${}))", call.as_ref()))
    }

    /// A call that must be refused with some error.
    pub fn refused(&mut self, call: impl AsRef<str>) -> &mut Self {
        self.code(format!("(call $refused (call ${}))", call.as_ref()))
    }

    /// A call whose result is of no interest.
    pub fn any(&mut self, call: impl AsRef<str>) -> &mut Self {
        self.code(format!("(drop (call ${}))", call.as_ref()))
    }

    /// What `build` adds, so many times.
    pub fn times(&mut self, times: u64, build: impl FnOnce(&mut Self)) -> &mut Self {
        self.code(format!("(local.set $n (i64.const {times})) (loop $again"));
        build(self);
        self.code("(br_if $again (i64.ne (local.tee $n (i64.sub (local.get $n) (i64.const 1))) (i64.const 0))))")
    }

    /// What `build` adds, for ever.
    pub fn forever(&mut self, build: impl FnOnce(&mut Self)) -> &mut Self {
        self.code("(loop $again");
        build(self);
        self.code("(br $again))")
    }

    /// The module, with memory of so many pages.
    pub fn module(&self, pages: u32) -> Vec<u8> {
        let mut imports = String::new();
        for (name, parameters) in IMPORTS {
            // Writing to a string cannot fail.
            let _ = writeln!(
                imports,
                r#"(import "wasi_snapshot_preview1" "{name}" (func ${name} (param {parameters}) (result i32)))"#
            );
        }
        let strings: String = self.strings.iter().map(|byte| format!("\\{byte:02x}")).collect();
        wat(&format!(
            r#"(module {imports}
            (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
            (memory (export "memory") {pages})
            (data (i32.const {STRINGS}) "{strings}")
            (func $ok (param i32) (if (local.get 0) (then unreachable)))
            (func $refused (param i32) (if (i32.eqz (local.get 0)) (then unreachable)))
            (func (export "_start") (local $n i64) (local $fd i32)
            {}))"#,
            self.body
        ))
    }
}

/// `path_open`, with the descriptor written to [`OUT`].
pub fn open(dir: u32, path: &str, follow: bool, oflags: u32, rights: u64) -> String {
    let follow = u32::from(follow);
    format!(
        "path_open (i32.const {dir}) (i32.const {follow}) {path} (i32.const {oflags}) (i64.const {rights}) (i64.const 0) \
         (i32.const 0) (i32.const {OUT})"
    )
}

/// The descriptor that [`open`] wrote.
pub fn opened() -> String {
    format!("(i32.load (i32.const {OUT}))")
}

/// `O_CREAT`.
pub const CREATE: u32 = 1;
/// `O_DIRECTORY`.
pub const DIRECTORY: u32 = 2;
/// The rights to read, to write, and both.
pub const READ: u64 = 2;
pub const WRITE: u64 = 64;
/// Every right of a file's.
pub const ALL: u64 = 0x8e0_01ff;
