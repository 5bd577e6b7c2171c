//! What the tests of this package share.

use std::fs::File;

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    #[link_name = "fd_renumber"]
    fn wasi_fd_renumber(from: u32, to: u32) -> i32;
    #[link_name = "fd_close"]
    fn wasi_fd_close(fd: u32) -> i32;
}

/// WASI's error number; 0 for none.
pub fn renumber(from: u32, to: u32) -> i32 {
    // SAFETY: plain numbers.
    unsafe { wasi_fd_renumber(from, to) }
}

/// WASI's error number; 0 for none.
pub fn close(fd: u32) -> i32 {
    // SAFETY: plain numbers.
    unsafe { wasi_fd_close(fd) }
}

/// Opens a file and forgets it: a frame between the test and the leak.
#[inline(never)]
pub fn open_and_forget(path: &str) {
    std::mem::forget(File::create(path).unwrap());
}

#[cfg(test)]
mod tests {
    #[test]
    fn pass_unit_test() {}

    #[test]
    fn leak_in_a_unit_test() {
        super::open_and_forget("/tmp/unit");
    }
}
