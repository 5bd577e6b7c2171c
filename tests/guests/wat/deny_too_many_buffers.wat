;; 1,025 buffers are too many; 28 is an invalid argument.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start")
    (if (i32.ne (call $write (i32.const 1) (i32.const 0) (i32.const 1025) (i32.const 16384)) (i32.const 28))
      (then unreachable))))
