;; Accepts twice: the second time nobody comes, and the wall clock ends it.
(module
  (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (if (call $accept (i32.const 5) (i32.const 0) (i32.const 0)) (then unreachable))
    (drop (call $accept (i32.const 5) (i32.const 0) (i32.const 0)))))
