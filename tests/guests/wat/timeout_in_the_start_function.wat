;; The start function is under the same limits.
(module
  (memory (export "memory") 1)
  (func $first (loop $again (br $again)))
  (start $first)
  (func (export "_start")))
