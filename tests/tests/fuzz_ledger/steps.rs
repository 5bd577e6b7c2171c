//! The steps of a case, and how cases are generated.

use airtight_tests::script::End;
use proptest::prelude::*;

/// One call. Descriptors and paths come from small pools, so that calls meet.
#[derive(Debug, Clone)]
pub enum GuestCall {
    Open(Open),
    Close(u32),
    Renumber(u32, u32),
    Read(u32, u32),
    Write(u32, u32),
    Seek(u32, u64),
    ReadDir(u32),
    SetRights(u32, u64, u64),
    Accept(u32),
    CreateDir(u32, &'static str),
    RemoveDir(u32, &'static str),
    Unlink(u32, &'static str),
    Rename(u32, &'static str, u32, &'static str),
}

/// A `path_open`.
#[derive(Debug, Clone)]
pub struct Open {
    pub dir: u32,
    pub path: &'static str,
    pub create: bool,
    pub directory: bool,
    pub exclusive: bool,
    pub truncate: bool,
    pub append: bool,
    pub base: u64,
    pub inheriting: u64,
}

/// A case: calls, and how the module ends after them.
#[derive(Debug, Clone)]
pub struct Case {
    pub steps: Vec<GuestCall>,
    pub end: End,
}

/// Paths that are opened.
const OPENED: &[&str] =
    &["a", "b", "d", "e", "d/a", "d/b", "d/e", "e/a", "a/b", "d/../a", "d/./b", ".", "..", "../a", "d/..", "/a"];

/// Paths that are made, moved and removed.
const NAMED: &[&str] = &["a", "b", "d", "e", "d/a", "d/b", "d/e", "e/a", "a/b", "../a", "/a"];

fn descriptor() -> impl Strategy<Value = u32> {
    prop_oneof![
        3 => 3..6_u32,
        6 => 6..11_u32,
        1 => 0..3_u32,
        1 => prop_oneof![Just(11), Just(13), Just(1_000), Just(1 << 31), Just(u32::MAX)],
    ]
}

/// Sets of rights: everything, what one has to do, and any.
fn rights() -> impl Strategy<Value = u64> {
    const ALL: u64 = (1 << 30) - 1;
    const READ: u64 = 1 << 1 | 1 << 2 | 1 << 14;
    const WRITE: u64 = 1 << 2 | 1 << 6;
    prop_oneof![
        3 => Just(ALL & !(1 << 6)),
        2 => Just(ALL),
        2 => Just(READ),
        2 => Just(READ | WRITE),
        1 => Just(WRITE),
        1 => Just(0),
        1 => 0..=ALL,
    ]
}

fn path(pool: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    proptest::sample::select(pool)
}

fn open() -> impl Strategy<Value = GuestCall> {
    let flags = (any::<bool>(), prop::bool::weighted(0.25), prop::bool::weighted(0.15), prop::bool::weighted(0.2));
    (descriptor(), path(OPENED), flags, prop::bool::weighted(0.2), rights(), rights()).prop_map(
        |(dir, path, (create, directory, exclusive, truncate), append, base, inheriting)| {
            GuestCall::Open(Open { dir, path, create, directory, exclusive, truncate, append, base, inheriting })
        },
    )
}

fn step() -> impl Strategy<Value = GuestCall> {
    let fd = descriptor;
    prop_oneof![
        8 => open(),
        4 => fd().prop_map(GuestCall::Close),
        3 => (fd(), fd()).prop_map(|(from, to)| GuestCall::Renumber(from, to)),
        2 => (fd(), 0..64_u32).prop_map(|(fd, len)| GuestCall::Read(fd, len)),
        3 => (fd(), 0..64_u32).prop_map(|(fd, len)| GuestCall::Write(fd, len)),
        1 => (fd(), 0..100_u64).prop_map(|(fd, at)| GuestCall::Seek(fd, at)),
        1 => fd().prop_map(GuestCall::ReadDir),
        1 => (fd(), rights(), rights()).prop_map(|(fd, base, inheriting)| GuestCall::SetRights(fd, base, inheriting)),
        1 => fd().prop_map(GuestCall::Accept),
        3 => (fd(), path(NAMED)).prop_map(|(fd, path)| GuestCall::CreateDir(fd, path)),
        1 => (fd(), path(NAMED)).prop_map(|(fd, path)| GuestCall::RemoveDir(fd, path)),
        1 => (fd(), path(NAMED)).prop_map(|(fd, path)| GuestCall::Unlink(fd, path)),
        2 => (fd(), path(NAMED), fd(), path(NAMED)).prop_map(|(from, path, to, name)| GuestCall::Rename(from, path, to, name)),
    ]
}

/// Any case.
pub fn cases() -> impl Strategy<Value = Case> {
    let end = prop_oneof![
        4 => Just(End::Return),
        1 => Just(End::Exit(0)),
        1 => (1..300_u32).prop_map(End::Exit),
        1 => Just(End::Trap),
        1 => Just(End::Spin),
    ];
    (prop::collection::vec(step(), 0..40), end).prop_map(|(steps, end)| Case { steps, end })
}
