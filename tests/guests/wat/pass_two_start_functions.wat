;; A start function of the module's runs before `_start`.
(module
  (memory (export "memory") 1)
  (global $ran (mut i32) (i32.const 0))
  (func $first (global.set $ran (i32.const 1)))
  (start $first)
  (func (export "_start")
    (if (i32.eqz (global.get $ran)) (then unreachable))))
