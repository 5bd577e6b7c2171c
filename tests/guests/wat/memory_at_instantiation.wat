;; 128 MiB at once, where 32 are allowed: the module cannot be started.
(module
  (memory (export "memory") 2048)
  (func (export "_start")))
