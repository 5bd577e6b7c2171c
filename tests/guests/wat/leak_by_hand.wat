;; Opens `a` in the scratch file system (descriptor 3), for writing, and leaves it. There is no DWARF: names alone.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "a")
  (func $open_a
    (if (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1)
          (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 8))
      (then unreachable)))
  (func (export "_start") (call $open_a)))
