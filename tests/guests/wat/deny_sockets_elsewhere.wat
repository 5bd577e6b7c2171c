;; A directory is no socket: 57.
(module
  (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_shutdown" (func $shutdown (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (if (i32.ne (call $accept (i32.const 3) (i32.const 0) (i32.const 0)) (i32.const 57)) (then unreachable))
    (if (i32.ne (call $shutdown (i32.const 3) (i32.const 3)) (i32.const 57)) (then unreachable))))
