//! What the pass does to modules written by hand, generated and compiled, and that they run on as before.

mod differential;
mod names;
mod rewrite;
mod toys;
