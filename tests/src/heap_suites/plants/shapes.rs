//! The planted statements, which lose blocks of the heap in one of several ways.

/// A way to lose memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossShape {
    /// `mem::forget` of a vector.
    Vector,
    /// The same, allocated zeroed.
    Zeroed,
    /// The same, grown by reallocation.
    Grown,
    /// `Box::leak` whose reference is dropped.
    Boxed,
    /// An `Rc` that holds itself.
    Cycle,
    /// A vector of three vectors.
    Nested,
    /// A forgotten `String`.
    Text,
    /// A forgotten closure behind a trait object.
    Closure,
    /// `alloc::alloc` with an alignment of 64, without `dealloc`.
    Aligned,
}

/// A statement to plant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plant {
    /// The source, without a line break.
    pub code: String,
    /// Bytes that it loses on wasm32.
    pub bytes: u64,
    /// In how many blocks.
    pub blocks: u64,
}

impl LossShape {
    /// Those that need no `unsafe`, which a crate may forbid.
    pub const SAFE: &'static [Self] =
        &[Self::Vector, Self::Zeroed, Self::Grown, Self::Boxed, Self::Cycle, Self::Nested, Self::Text, Self::Closure];

    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Vector,
        Self::Zeroed,
        Self::Grown,
        Self::Boxed,
        Self::Cycle,
        Self::Nested,
        Self::Text,
        Self::Closure,
        Self::Aligned,
    ];

    /// The statement for a size of at least 16. It needs no import, compiles in every edition and without std's prelude.
    pub fn plant(self, size: u64) -> Plant {
        // Those that go through the shadow stack stay small.
        let small = size % 4096 + 16;
        let (body, bytes, blocks) = match self {
            Self::Vector => (format!("s::mem::forget(s::vec::Vec::<u8>::with_capacity({size}));"), size, 1),
            Self::Zeroed => (format!("s::mem::forget(s::vec![0u8; {size}]);"), size, 1),
            Self::Grown => (
                format!(
                    "let mut v = s::vec::Vec::<u8>::with_capacity(8); v.push(7); v.reserve_exact({}); s::mem::forget(v);",
                    size - 1
                ),
                size,
                1,
            ),
            Self::Boxed => (format!("let _ = s::boxed::Box::leak(s::boxed::Box::new([7u8; {small}]));"), small, 1),
            // Two counters, a borrow flag and the pointer come before the bytes.
            Self::Cycle => (cycle(small), (16 + small).next_multiple_of(4), 1),
            // Three vectors are three words each.
            Self::Nested => (nested(size), 3 * size + 36, 4),
            Self::Text => (
                format!(
                    "let mut t = s::string::String::with_capacity({size}); t.push_str(\"planted\"); s::mem::forget(t);"
                ),
                size,
                1,
            ),
            Self::Closure => (
                format!(
                    "let a = [7u8; {small}]; \
                     let f: s::boxed::Box<dyn s::ops::Fn() -> usize> = s::boxed::Box::new(move || a.len()); s::mem::forget(f);"
                ),
                small,
                1,
            ),
            Self::Aligned => (
                format!("unsafe {{ s::alloc::alloc(s::alloc::Layout::from_size_align_unchecked({size}, 64)); }}"),
                size,
                1,
            ),
        };
        Plant { code: format!("#[allow(warnings)] {{ extern crate std as s; {body} }} "), bytes, blocks }
    }
}

fn cycle(size: u64) -> String {
    format!(
        "struct Node {{ this: s::cell::RefCell<s::option::Option<s::rc::Rc<Node>>>, pad: [u8; {size}] }} \
         let n = s::rc::Rc::new(Node {{ this: s::cell::RefCell::new(s::option::Option::None), pad: [7; {size}] }}); \
         *n.this.borrow_mut() = s::option::Option::Some(s::clone::Clone::clone(&n));"
    )
}

fn nested(size: u64) -> String {
    let one = format!("v.push(s::vec::Vec::<u8>::with_capacity({size}));");
    format!("let mut v = s::vec::Vec::with_capacity(3); {one} {one} {one} s::mem::forget(v);")
}
