use super::handle::LAST_STREAM;
use super::*;
use proptest::prelude::*;

fn file(fd: u32, origin: Origin) -> Acquisition {
    Acquisition { kind: Kind::File, path: Some("/tmp/x".into()), fd, access: Access::Read, origin, stack: None }
}

#[test]
fn what_was_granted_is_no_leak() {
    let mut ledger = Ledger::default();
    ledger.acquire(file(3, Origin::Granted));
    assert_eq!(ledger.open_now(), 1);
    assert_eq!(ledger.peak(), 0);
    assert!(ledger.balance().is_empty());
}

#[test]
fn ids_are_never_reused_but_descriptors_are() {
    let mut ledger = Ledger::default();
    let first = ledger.acquire(file(4, Origin::Test));
    assert!(ledger.release(first, None));
    assert!(!ledger.release(first, None), "a second release is refused");
    let second = ledger.acquire(file(4, Origin::Test));
    assert_ne!(first, second);
    assert_eq!(ledger.peak(), 1);
}

#[test]
fn a_renumbered_handle_is_the_same_handle() {
    let mut ledger = Ledger::default();
    let id = ledger.acquire(file(4, Origin::Test));
    ledger.read(id, 10);
    ledger.renumber(id, 9);
    ledger.wrote(id, 5);
    let left = ledger.balance();
    assert_eq!((left[0].fd, left[0].bytes_read, left[0].bytes_written), (9, 10, 5));
}

#[test]
fn what_stands_in_the_place_of_a_standard_stream_is_no_leak() {
    for (fd, left) in [(0, 0), (1, 0), (2, 0), (3, 1)] {
        let mut ledger = Ledger::default();
        ledger.acquire(file(fd, Origin::Test));
        assert_eq!(ledger.balance().len(), left, "acquired at {fd}");
        let mut ledger = Ledger::default();
        let id = ledger.acquire(file(7, Origin::Test));
        ledger.renumber(id, fd);
        assert_eq!(ledger.balance().len(), left, "moved to {fd}");
    }
}

#[test]
fn a_socket_has_two_sides_and_what_it_left() {
    let mut ledger = Ledger::default();
    let id = ledger.acquire(Acquisition { kind: Kind::Socket, ..file(4, Origin::Test) });
    let address = |text: &str| text.parse().ok();
    ledger.connected(id, address("127.0.0.1:80"), address("127.0.0.1:49152"));
    ledger.left_waiting(id, Some(7));
    let expected = SocketEnds { local: address("127.0.0.1:80"), peer: address("127.0.0.1:49152"), waiting: Some(7) };
    assert_eq!(ledger.balance()[0].socket, Some(expected));
}

proptest! {
    /// After any sequence of openings and closings, the balance is the one of a simple list.
    #[test]
    fn balance_agrees_with_a_list(steps in proptest::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..200)) {
        let mut ledger = Ledger::default();
        let mut model: Vec<(HandleId, u32)> = Vec::new();
        let mut peak = 0;
        for (fd, (open, which)) in (LAST_STREAM + 1..).zip(steps) {
            if open || model.is_empty() {
                model.push((ledger.acquire(file(fd, Origin::Test)), fd));
                peak = peak.max(model.len());
            } else {
                let (id, _) = model.remove(which.index(model.len()));
                prop_assert!(ledger.release(id, None));
            }
        }
        prop_assert_eq!(ledger.open_now(), model.len());
        prop_assert_eq!(ledger.peak() as usize, peak);
        prop_assert_eq!(ledger.next - ledger.closed, model.len() as u64);
        let left: Vec<u32> = ledger.balance().iter().map(|handle| handle.fd).collect();
        let expected: Vec<u32> = model.iter().map(|(_, fd)| *fd).collect();
        prop_assert_eq!(left, expected);
    }
}
