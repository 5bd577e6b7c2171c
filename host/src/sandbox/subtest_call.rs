//! How the SDK calls a subtest.

/// What a guest hands over with a subtest: the address of its state, the name and its length, a function and its data.
#[derive(Debug, Clone, Copy)]
pub(super) struct SubtestCall {
    pub state: u32,
    pub name: u32,
    pub len: u32,
    pub function: u32,
    pub data: u32,
}
