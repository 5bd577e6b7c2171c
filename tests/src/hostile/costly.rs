//! Small modules for which the host itself would have much to do, or to hold, that no fuel pays for.

use super::{Expect, Hostile, wat};

pub fn all() -> Vec<Hostile> {
    vec![probe_bomb()]
}

/// Its allocator writes every second word of its static data, when it is first called: by whoever calls it.
fn probe_bomb() -> Hostile {
    let text = r#"(module
        (memory (export "memory") 4096)
        (global $next (mut i32) (i32.const 0x0fff0000))
        (global $done (mut i32) (i32.const 0))
        (func $fill (local $n i32)
            (i32.store (i32.const 0) (i32.const 1))
            (local.set $n (i32.const 8))
            (loop $more
                (memory.copy (local.get $n) (i32.const 0) (local.get $n))
                (local.set $n (i32.shl (local.get $n) (i32.const 1)))
                (br_if $more (i32.lt_u (local.get $n) (i32.const 0x02000000)))))
        (func $malloc (param i32) (result i32) (local $block i32)
            (if (i32.eqz (global.get $done)) (then (global.set $done (i32.const 1)) (call $fill)))
            (local.set $block (global.get $next))
            (global.set $next (i32.add (global.get $next) (i32.const 1024)))
            (if (i32.gt_u (local.get 0) (i32.const 1000))
                (then (local.set $block (i32.mul (memory.grow (i32.const 8)) (i32.const 65536)))))
            (local.get $block))
        (func $main (export "_start") (drop (call $malloc (i32.const 8)))))"#;
    Hostile::new("memory", "costly_probe_of_its_allocator", Expect::Verdict("pass"), wat(text))
}
