;; How often the limit is met before the stack is used up is the compiler's choice.
(module
  (memory (export "memory") 1)
  (func $deeper (drop (memory.grow (i32.const 1))) (call $deeper))
  (func (export "_start") (call $deeper)))
