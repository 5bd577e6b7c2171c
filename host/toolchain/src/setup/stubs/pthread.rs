//! Functions that std calls and an older wasi-libc lacks. `linking` compiles them into the start files. They are weak, so a
//! libc that has them wins. There are no threads: creating one fails with EAGAIN, as in newer wasi-libc, and everything
//! else succeeds.

#![no_std]
#![feature(linkage, thread_local)]

use core::ffi::{c_int, c_void};

const EAGAIN: c_int = 6;
const ESRCH: c_int = 71;

unsafe extern "C" {
    #[thread_local]
    #[link_name = "errno"]
    static mut ERRNO: c_int;
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
pub extern "C" fn __errno_location() -> *mut c_int {
    &raw mut ERRNO
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
pub extern "C" fn pthread_create(_: *mut c_void, _: *const c_void, _: *const c_void, _: *mut c_void) -> c_int {
    EAGAIN
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
pub extern "C" fn pthread_join(_: *mut c_void, _: *mut c_void) -> c_int {
    ESRCH
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
pub extern "C" fn pthread_detach(_: *mut c_void) -> c_int {
    ESRCH
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_init(_: *mut c_void) -> c_int {
    0
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_destroy(_: *mut c_void) -> c_int {
    0
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_setstacksize(_: *mut c_void, _: usize) -> c_int {
    0
}
