//! Nothing: an example of crossbeam-channel waits for signals, and no test does.
