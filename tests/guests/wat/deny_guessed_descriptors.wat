;; No number but those granted is a descriptor: the host's own cannot be reached.
(module
  (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $denied (param $fd i32)
    (if (i32.ne (call $stat (local.get $fd) (i32.const 64)) (i32.const 8)) (then unreachable))
    (if (i32.ne (call $read (local.get $fd) (i32.const 0) (i32.const 0) (i32.const 8)) (i32.const 8))
      (then unreachable)))
  (func (export "_start")
    (local $fd i32)
    (local.set $fd (i32.const 7))
    (loop $next
      (call $denied (local.get $fd))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $fd) (i32.const 2000))))
    (call $denied (i32.const -1))
    (call $denied (i32.const 0x7fffffff))))
