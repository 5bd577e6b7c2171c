//! What the tests of this package share.

use std::ffi::c_int;

/// The C library's allocator, as C code calls it.
pub mod c {
    use std::ffi::{c_char, c_int, c_void};

    unsafe extern "C" {
        pub fn malloc(size: usize) -> *mut c_void;
        pub fn calloc(count: usize, size: usize) -> *mut c_void;
        pub fn realloc(block: *mut c_void, size: usize) -> *mut c_void;
        pub fn free(block: *mut c_void);
        pub fn posix_memalign(to: *mut *mut c_void, alignment: usize, size: usize) -> c_int;
        pub fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void;
        pub fn strdup(text: *const c_char) -> *mut c_char;
        pub fn atexit(handler: extern "C" fn()) -> c_int;
    }

    pub const EINVAL: c_int = 28;
}

/// Something that nothing is done with: what a compiler must not see through.
pub fn used<T>(value: T) -> T {
    std::hint::black_box(value)
}

/// A block of its own, aligned as `malloc` aligns.
pub fn block<const N: usize>() -> Box<[u8; N]> {
    used(Box::new([7; N]))
}

/// Registers what runs when the program's `_start` returns.
pub fn at_exit(handler: extern "C" fn()) {
    // SAFETY: the C library's function, of this signature; there is always room for 32 handlers.
    let failed: c_int = unsafe { c::atexit(handler) };
    assert_eq!(failed, 0);
}
