//! A program without a harness that loses a block, and prints beside it.

use heap::block;

fn main() {
    println!("a line");
    std::mem::forget(block::<123>()); // lost here
}
