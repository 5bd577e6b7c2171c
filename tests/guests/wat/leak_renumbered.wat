;; Opens `a` and `b` and renumbers `a` over `b`: `b` is closed, and `a` is left under `b`'s number.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "ab")
  (func $open (param $name i32) (result i32)
    (if (call $path_open (i32.const 3) (i32.const 0) (local.get $name) (i32.const 1) (i32.const 1)
          (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 8))
      (then unreachable))
    (i32.load (i32.const 8)))
  (func (export "_start")
    (local $a i32) (local $b i32)
    (local.set $a (call $open (i32.const 0)))
    (local.set $b (call $open (i32.const 1)))
    (if (call $renumber (local.get $a) (local.get $b)) (then unreachable))
    ;; 8 is a bad descriptor.
    (if (i32.ne (call $close (local.get $a)) (i32.const 8)) (then unreachable))))
