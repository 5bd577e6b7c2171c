//! What the host is told of tasks. See [`airtight_abi::tasks`]. Natively there is nobody to be told.

#[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
mod host {
    #[link(wasm_import_module = "airtight")]
    unsafe extern "C" {
        pub(super) fn task_spawn(name: *const u8, len: usize) -> u32;
        pub(super) fn task_name(number: u32, name: *const u8, len: usize) -> i32;
        pub(super) safe fn task_waits(number: u32) -> i32;
        pub(super) safe fn task_done(number: u32) -> i32;
    }
}

#[cfg(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1"))]
mod here {
    use super::host;

    pub(in crate::tasks) fn spawn(name: &str) -> u32 {
        // SAFETY: the name is read before the call returns.
        unsafe { host::task_spawn(name.as_ptr(), name.len()) }
    }

    pub(in crate::tasks) fn name(number: u32, name: &str) {
        // SAFETY: the same. The number is the host's own.
        let _ = unsafe { host::task_name(number, name.as_ptr(), name.len()) };
    }

    pub(in crate::tasks) fn waits(number: u32) {
        // A waker may outlive its task, of which the host then knows nothing.
        let _ = host::task_waits(number);
    }

    pub(in crate::tasks) fn done(number: u32) {
        let _ = host::task_done(number);
    }
}

#[cfg(not(all(target_arch = "wasm32", target_os = "wasi", target_env = "p1")))]
mod here {
    pub(in crate::tasks) fn spawn(_: &str) -> u32 {
        0
    }

    pub(in crate::tasks) fn name(_: u32, _: &str) {}

    pub(in crate::tasks) fn waits(_: u32) {}

    pub(in crate::tasks) fn done(_: u32) {}
}

pub(super) use here::{done, name, spawn, waits};
