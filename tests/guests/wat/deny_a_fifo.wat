;; Opening `fifo` in the granted directory would wait for a writer for ever: it is refused.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "fifo")
  (func (export "_start")
    (if (i32.eqz (call $path_open (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0)
          (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)))
      (then unreachable))))
