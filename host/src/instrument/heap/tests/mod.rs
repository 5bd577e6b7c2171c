//! What the pass does to modules (written by hand, generated, compiled), and that they behave as before.

mod differential;
mod fills;
mod names;
mod panics;
mod rewrite;
mod toys;
