;; The network's imports with pointers at the end of memory, addresses that are none, and guessed descriptors.
;; 28 is EINVAL, 8 EBADF, 57 ENOTSOCK, 53 ENOTCONN, 14 ECONNREFUSED, 2 EACCES.
(module
  (import "airtight" "sock_listen" (func $listen (param i32 i32) (result i32)))
  (import "airtight" "sock_connect" (func $connect (param i32 i32) (result i32)))
  (import "airtight" "sock_address" (func $address (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (memory (export "memory") 1)
  ;; 127.0.0.1:80, then 192.0.2.1:80, then a version 5.
  (data (i32.const 0) "\7f\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\50\00\04\00")
  (data (i32.const 32) "\c0\00\02\01\00\00\00\00\00\00\00\00\00\00\00\00\50\00\04\00")
  (data (i32.const 64) "\7f\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\50\00\05\00")
  (func $is (param $found i32) (param $expected i32)
    (if (i32.ne (local.get $found) (local.get $expected)) (then unreachable)))
  (func (export "_start")
    ;; Nobody listens; not granted; no address.
    (call $is (call $connect (i32.const 0) (i32.const 128)) (i32.const 14))
    (call $is (call $connect (i32.const 32) (i32.const 128)) (i32.const 2))
    (call $is (call $listen (i32.const 64) (i32.const 128)) (i32.const 28))
    ;; A file, nothing, and a listening socket.
    (call $is (call $address (i32.const 1) (i32.const 0) (i32.const 128)) (i32.const 57))
    (call $is (call $address (i32.const 99) (i32.const 0) (i32.const 128)) (i32.const 8))
    (call $is (call $address (i32.const -1) (i32.const 0) (i32.const 128)) (i32.const 8))
    (call $is (call $listen (i32.const 0) (i32.const 65532)) (i32.const 0))
    (call $is (call $address (i32.load (i32.const 65532)) (i32.const 2) (i32.const 128)) (i32.const 28))
    (call $is (call $address (i32.load (i32.const 65532)) (i32.const 1) (i32.const 128)) (i32.const 53))
    (call $is (call $address (i32.load (i32.const 65532)) (i32.const 0) (i32.const 65512)) (i32.const 0))
    (call $is (call $close (i32.load (i32.const 65532))) (i32.const 0))))
