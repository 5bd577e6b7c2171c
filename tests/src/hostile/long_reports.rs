//! A small module of which there would be very much to report.

use super::{Expect, Hostile, wat};

pub fn all() -> Vec<Hostile> {
    vec![over_host_memory()]
}

/// Resources that are left, of which a report has more to tell than the host has to hold while the test runs.
fn over_host_memory() -> Hostile {
    let text = format!(
        r#"(module
        (import "airtight" "track" (func $track (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 1024) "mock")
        (data (i32.const 2048) "{}")
        (func (export "_start") (local $n i32)
            (loop $more
                (i32.store8 (i32.const 2048) (i32.and (local.get $n) (i32.const 63)))
                (i32.store8 (i32.const 2049) (i32.shr_u (local.get $n) (i32.const 6)))
                (drop (call $track (i32.const 1024) (i32.const 4) (i32.const 2048) (i32.const 1000)))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $more (i32.lt_u (local.get $n) (i32.const 400))))))"#,
        "\\01".repeat(1000)
    );
    Hostile::new("memory", "costly_report_over_host_memory", Expect::Limit("host-memory"), wat(&text))
}
