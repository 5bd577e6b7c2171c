;; Puts a file in the place of standard output, as `freopen` does, and another in that of standard input by its number alone.
;; Nothing is there to close them but the end of the program.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "ab")
  ;; The text `ab` as a buffer to write.
  (data (i32.const 16) "\00\00\00\00\02\00\00\00")
  (func $open (param $name i32) (result i32)
    (if (call $path_open (i32.const 3) (i32.const 0) (local.get $name) (i32.const 1) (i32.const 1)
          (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 8))
      (then unreachable))
    (i32.load (i32.const 8)))
  (func (export "_start")
    (if (call $renumber (call $open (i32.const 0)) (i32.const 1)) (then unreachable))
    (if (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)) (then unreachable))
    (if (call $close (i32.const 0)) (then unreachable))
    (if (call $open (i32.const 1)) (then unreachable))))
