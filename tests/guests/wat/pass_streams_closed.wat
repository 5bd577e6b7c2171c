;; Standard streams are the program's to close, once.
(module
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (local $fd i32)
    (loop $next
      (if (call $close (local.get $fd)) (then unreachable))
      (if (i32.ne (call $close (local.get $fd)) (i32.const 8)) (then unreachable))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $fd) (i32.const 3))))))
