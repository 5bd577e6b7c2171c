;; Connects for ever: each connection is closed at once, and those that wait are thrown away with who listens.
(module
  (import "airtight" "sock_listen" (func $listen (param i32 i32) (result i32)))
  (import "airtight" "sock_connect" (func $connect (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\7f\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\50\00\04\00")
  (func (export "_start") (local $count i32)
    (loop $again
      (drop (call $listen (i32.const 0) (i32.const 32)))
      (local.set $count (i32.const 128))
      (loop $more
        (if (call $connect (i32.const 0) (i32.const 36)) (then unreachable))
        (drop (call $close (i32.load (i32.const 36))))
        (br_if $more (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
      (drop (call $close (i32.load (i32.const 32))))
      (br $again))))
