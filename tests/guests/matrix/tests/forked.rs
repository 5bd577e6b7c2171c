//! The same tests, each of which begins where a set-up ended: what is said of each is the same.

use airtight::{Tracked, net};
use std::fs::File;
use std::net::TcpListener;
use std::sync::Mutex;

#[path = "endings.rs"]
mod endings;

/// Some of all that a set-up can leave to the tests.
struct World {
    _file: File,
    _server: TcpListener,
    _mock: Tracked,
    _block: Mutex<Vec<u8>>,
}

#[airtight::setup]
fn world() -> World {
    World {
        _file: File::create("/tmp/of-the-set-up").unwrap(),
        _server: net::listen("127.0.0.1:0").unwrap(),
        _mock: airtight::track("Mock", "of the set-up"),
        _block: Mutex::new(vec![1; 1000]),
    }
}
