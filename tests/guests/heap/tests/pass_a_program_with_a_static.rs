//! A program without a harness that keeps a block to its end, and frees another as it ends.

use heap::block;
use std::sync::Mutex;

static KEPT: Mutex<Option<Box<[u8; 123]>>> = Mutex::new(None);
static LATE: Mutex<Option<Box<[u8; 77]>>> = Mutex::new(None);

extern "C" fn free() {
    drop(LATE.lock().unwrap().take());
}

fn main() {
    heap::at_exit(free);
    *KEPT.lock().unwrap() = Some(block()); // retained here
    *LATE.lock().unwrap() = Some(block());
}
