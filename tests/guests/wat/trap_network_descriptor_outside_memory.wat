;; Nothing is opened for who cannot be told where it is.
(module
  (import "airtight" "sock_listen" (func $listen (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; 127.0.0.1:80
  (data (i32.const 0) "\7f\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\50\00\04\00")
  (func (export "_start")
    (drop (call $listen (i32.const 0) (i32.const -4)))))
