//! Modules with tests of the guest SDK's, written by hand.

use airtight_abi::State;

/// Where such a module keeps the SDK's state.
pub const STATE: u32 = 1024;

/// The name of a set-up.
pub const SET_UP: &str = "before_all";

/// The state that a test begins with, or ends with, as the text of a data segment.
pub fn state(pending_cleanups: u32, journal: u32, len: u32) -> String {
    escaped([State::VERSION, 0, pending_cleanups, journal, len].iter().flat_map(|word| word.to_le_bytes()))
}

/// A module whose fields have the functions `$test` and `$cleanup`, and `state` at [`STATE`].
///
/// # Panics
/// If the fields are no WebAssembly.
pub fn sdk_module(state: &str, fields: &str) -> Vec<u8> {
    let asked = format!("(func $state (result i32) (i32.const {STATE})) (func $flush (result i32) (i32.const 0))");
    sdk_module_that_answers(state, &format!("{fields} {asked}"))
}

/// The same, whose fields have the functions `$state` and `$flush` too, which the host calls after the test.
///
/// # Panics
/// See [`sdk_module`].
pub fn sdk_module_that_answers(state: &str, fields: &str) -> Vec<u8> {
    sdk_module_of(&[("test", "$test")], state, fields)
}

/// The same with several tests: their names, and the functions that they are. One that is called [`SET_UP`] is the set-up.
///
/// # Panics
/// See [`sdk_module`].
pub fn sdk_module_of(tests: &[(&str, &str)], state: &str, fields: &str) -> Vec<u8> {
    let export =
        |(name, function): &(&str, &str)| format!("(export \"airtight:test/by_hand::{name}\" (func {function}))");
    let exports: String = tests.iter().map(export).collect();
    let records = tests.iter().flat_map(|(name, _)| {
        let role = if *name == SET_UP { "role\0setup\0" } else { "" };
        let body = format!(
            "name\0by_hand::{name}\0export\0airtight:test/by_hand::{name}\0file\0src/lib.rs\0line\x001\0{role}"
        );
        let len = u32::try_from(body.len()).expect("it is short").to_le_bytes();
        b"ATR1".iter().copied().chain(len).chain(body.into_bytes()).collect::<Vec<u8>>()
    });
    let records = escaped(records);
    let text = format!(
        r#"(module
        {fields}
        (global $__stack_pointer (mut i32) (i32.const {STATE}))
        (data (i32.const {STATE}) "{state}")
        {exports}
        (export "airtight:state" (func $state))
        (export "airtight:cleanup" (func $cleanup))
        (export "airtight:flush" (func $flush))
        (@custom "airtight.tests" "{records}"))"#
    );
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

fn escaped(bytes: impl IntoIterator<Item = u8>) -> String {
    bytes.into_iter().map(|byte| format!("\\{byte:02x}")).collect()
}
