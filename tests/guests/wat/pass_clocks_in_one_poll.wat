;; Polls clocks of every kind together, two with the same userdata, and what is ready beside them. Ends with the number of
;; the check that failed.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_res_get" (func $resolution (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)

  (func $check (param $number i32) (param $holds i32)
    (if (i32.eqz (local.get $holds)) (then (call $exit (local.get $number)))))

  ;; The subscription of 48 bytes at $at, for a clock.
  (func $clock (param $at i32) (param $userdata i64) (param $id i32) (param $timeout i64) (param $absolute i32)
    (i64.store (local.get $at) (local.get $userdata))
    (i32.store8 offset=8 (local.get $at) (i32.const 0))
    (i32.store offset=16 (local.get $at) (local.get $id))
    (i64.store offset=24 (local.get $at) (local.get $timeout))
    (i64.store offset=32 (local.get $at) (i64.const 0))
    (i32.store16 offset=40 (local.get $at) (local.get $absolute)))

  ;; How many of the first $count subscriptions fired; their events are at 1024.
  (func $fired (param $count i32) (result i32)
    (call $check (i32.const 1) (i32.eqz (call $poll (i32.const 0) (i32.const 1024) (local.get $count) (i32.const 2048))))
    (i32.load (i32.const 2048)))

  (func $now (param $id i32) (result i64)
    (call $check (i32.const 2) (i32.eqz (call $time (local.get $id) (i64.const 0) (i32.const 2056))))
    (i64.load (i32.const 2056)))

  (func (export "_start") (local $before i64) (local $processor i64)
    ;; The past, an hour from now, and processor time, which nobody can sleep for: an error of that one alone.
    (call $clock (i32.const 0) (i64.const 7) (i32.const 1) (i64.const 3600000000000) (i32.const 0))
    (call $clock (i32.const 48) (i64.const 7) (i32.const 0) (i64.const 1) (i32.const 1))
    (call $clock (i32.const 96) (i64.const 9) (i32.const 2) (i64.const 0) (i32.const 0))
    (call $check (i32.const 10) (i32.eq (call $fired (i32.const 3)) (i32.const 2)))
    (call $check (i32.const 11) (i64.eq (i64.load (i32.const 1024)) (i64.const 7)))
    (call $check (i32.const 12) (i32.eqz (i32.load16_u (i32.const 1032))))
    (call $check (i32.const 13) (i64.eq (i64.load (i32.const 1056)) (i64.const 9)))
    (call $check (i32.const 14) (i32.eq (i32.load16_u (i32.const 1064)) (i32.const 58)))
    ;; The hour, with one of the same length on the other clock and a longer one: both of the same fire.
    (local.set $before (call $now (i32.const 1)))
    (local.set $processor (call $now (i32.const 2)))
    (call $clock (i32.const 48) (i64.const 7) (i32.const 0) (i64.const 3600000000000) (i32.const 0))
    (call $clock (i32.const 96) (i64.const 8) (i32.const 1) (i64.const 3600000000001) (i32.const 0))
    (call $check (i32.const 20) (i32.eq (call $fired (i32.const 3)) (i32.const 2)))
    (call $check (i32.const 21) (i64.eq (i64.load (i32.const 1056)) (i64.const 7)))
    (call $check (i32.const 22) (i64.ge_u (i64.sub (call $now (i32.const 1)) (local.get $before)) (i64.const 3600000000000)))
    (call $check (i32.const 23) (i64.lt_u (i64.sub (call $now (i32.const 2)) (local.get $processor)) (i64.const 1000000)))
    ;; Standard output can be written at once: the hour does not pass.
    (local.set $before (call $now (i32.const 1)))
    (i64.store (i32.const 48) (i64.const 5))
    (i32.store8 (i32.const 56) (i32.const 2))
    (i32.store (i32.const 64) (i32.const 1))
    (call $check (i32.const 30) (i32.eq (call $fired (i32.const 2)) (i32.const 1)))
    (call $check (i32.const 31) (i64.eq (i64.load (i32.const 1024)) (i64.const 5)))
    (call $check (i32.const 32) (i64.lt_u (i64.sub (call $now (i32.const 1)) (local.get $before)) (i64.const 1000000)))
    ;; Every clock has a resolution, of a nanosecond.
    (call $check (i32.const 40) (i32.eqz (call $resolution (i32.const 0) (i32.const 2064))))
    (call $check (i32.const 41) (i64.eq (i64.load (i32.const 2064)) (i64.const 1)))))
