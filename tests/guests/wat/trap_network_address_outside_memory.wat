;; An address of which the last byte is outside of memory.
(module
  (import "airtight" "sock_connect" (func $connect (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $connect (i32.const 65517) (i32.const 128)))))
