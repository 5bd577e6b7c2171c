;; One write of 1,024 buffers of 1 MiB each, all the same: bounded by what one call may move, and paid for in fuel.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 17)
  (func (export "_start")
    (local $at i32)
    (loop $next
      (i32.store (local.get $at) (i32.const 65536))
      (i32.store offset=4 (local.get $at) (i32.const 0x100000))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 8192))))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1024) (i32.const 8192)))))
