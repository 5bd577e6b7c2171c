use super::*;
use crate::sandbox::wasi::resolve::SIZE_MAX;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The same file, kept in the simplest way.
#[derive(Default)]
struct Model {
    bytes: Vec<u8>,
    blocks: BTreeSet<u64>,
}

impl Model {
    fn take(&mut self, offset: u64, len: u64) {
        self.blocks.extend(offset / BLOCK..=(offset + len - 1) / BLOCK);
        let end = (offset + len) as usize;
        self.bytes.resize(end.max(self.bytes.len()), 0);
    }

    fn charged(&self) -> u64 {
        let size = self.bytes.len() as u64;
        self.blocks.iter().map(|block| BLOCK.min(size - block * BLOCK)).sum()
    }
}

#[derive(Debug, Clone)]
enum Op {
    Write(u64, Vec<u8>),
    Resize(u64),
    Reserve(u64, u64),
}

fn op() -> impl Strategy<Value = Op> {
    // Offsets around the edges of eight blocks.
    let place =
        || (0..8u64, prop_oneof![0..20u64, BLOCK - 20..BLOCK, 0..BLOCK]).prop_map(|(block, at)| block * BLOCK + at);
    prop_oneof![
        3 => (place(), prop_oneof![1..100usize, 1..9000usize], any::<u8>())
            .prop_map(|(at, len, byte)| Op::Write(at, vec![byte; len])),
        2 => place().prop_map(Op::Resize),
        2 => (place(), prop_oneof![1..100u64, 1..20_000u64]).prop_map(|(at, len)| Op::Reserve(at, len)),
    ]
}

proptest! {
    #[test]
    fn contents_are_those_of_a_plain_file_and_each_charge_is_foretold(ops in prop::collection::vec(op(), 1..40)) {
        let (mut file, mut model) = (Contents::default(), Model::default());
        for op in ops {
            match op {
                Op::Write(at, bytes) => {
                    let charged = file.charged_after_write(at, bytes.len() as u64);
                    prop_assert_eq!(file.write(at, &bytes), Ok(bytes.len()));
                    prop_assert_eq!(file.charged(), charged);
                    model.take(at, bytes.len() as u64);
                    model.bytes[at as usize..][..bytes.len()].copy_from_slice(&bytes);
                }
                Op::Resize(size) => {
                    let charged = (size >= file.size()).then(|| file.charged_after_growth(size));
                    file.resize(size);
                    prop_assert_eq!(charged.unwrap_or(file.charged()), file.charged());
                    model.bytes.resize(size as usize, 0);
                    model.blocks.retain(|block| block * BLOCK < size);
                }
                Op::Reserve(at, len) => {
                    let charged = file.reservation(at, len).charged;
                    file.reserve(at, len);
                    prop_assert_eq!(file.charged(), charged);
                    model.take(at, len);
                }
            }
            prop_assert_eq!(file.charged(), model.charged());
            let mut all = vec![0xAA; model.bytes.len() + 1];
            prop_assert_eq!(file.read(0, &mut all), model.bytes.len());
            prop_assert_eq!(&all[..model.bytes.len()], &*model.bytes);
            let mut part = [0xAA; 100];
            let count = file.read(BLOCK - 50, &mut part);
            let rest = model.bytes.get(BLOCK as usize - 50..).unwrap_or_default();
            prop_assert_eq!(&part[..count], &rest[..rest.len().min(100)]);
        }
    }
}

#[test]
fn a_hole_takes_neither_room_nor_memory() {
    let mut file = Contents::default();
    file.resize(SIZE_MAX);
    assert_eq!((file.charged(), file.allocated()), (0, 0));
    let mut buf = [0xAA; 8];
    assert_eq!(file.read(SIZE_MAX - 3, &mut buf), 3);
    assert_eq!(buf[..3], [0; 3]);
    file.write(1 << 40, b"x").unwrap();
    assert_eq!(file.charged(), BLOCK);
    assert!(file.allocated() < 200);
    file.reserve(1 << 50, 1 << 50);
    assert_eq!(file.charged(), BLOCK + (1 << 50));
    assert!(file.allocated() < 300, "what is reserved is not there yet");
    file.resize(5);
    file.write(0, b"hello").unwrap();
    assert_eq!(file.charged(), 5);
}

#[test]
fn the_same_bytes_are_the_same_however_they_came_about() {
    let of = |text: &[u8]| {
        let mut contents = Contents::default();
        contents.write_all(text).unwrap();
        contents
    };
    let (one, zeros) = (of(b"one\0\0"), of(&[0; 5]));
    assert!(one.is_same(&one.clone()) && one.is_same(&of(b"one\0\0")) && !one.is_same(&zeros));
    let mut hole = Contents::default();
    hole.resize(5);
    assert!(hole.is_same(&zeros) && zeros.is_same(&hole));
    hole.reserve(0, 5);
    assert!(hole.is_same(&zeros));
    let mut longer = one.clone();
    longer.resize(6);
    assert!(!one.is_same(&longer));
    longer.resize(5);
    assert!(one.is_same(&longer));
    longer.write(4, b"x").unwrap();
    assert!(!one.is_same(&longer) && !longer.is_same(&one));
}
