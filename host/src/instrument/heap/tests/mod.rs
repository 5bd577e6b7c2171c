//! What the pass does to modules written by hand, generated and compiled, and that they run on as before.

mod differential;
mod fills;
mod names;
mod panics;
mod rewrite;
mod toys;
