//! The network in memory, call by call: what a test is answered, and what the host holds for it.

use super::connection::{Side, Transfer};
use super::network::{ConnectResult, ConnectionId, Network};
use super::pipe::CAPACITY;
use crate::sandbox::wasi::meter::Meter;
use crate::sandbox::wasi::table::{Interest, Readiness};
use crate::sandbox::wasi::waiting::BACKLOG;
use proptest::prelude::*;
use std::net::SocketAddr;
use wasi_common::snapshots::preview_1::types::Errno;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn listen(net: &mut Network, address: &str) -> Result<String, Errno> {
    net.listen(at(address), &mut Meter::default()).map(|address| address.to_string())
}

fn try_connect(net: &mut Network, address: &str) -> Result<ConnectResult, Errno> {
    net.connect(at(address), &mut Meter::default())
}

fn connect(net: &mut Network, address: &str) -> ConnectionId {
    match try_connect(net, address) {
        Ok(ConnectResult::Queued(id)) => id,
        other => panic!("{address}: {other:?}"),
    }
}

/// A network with one connection, which is accepted.
fn pair() -> (Network, ConnectionId) {
    let mut net = Network::default();
    listen(&mut net, "127.0.0.1:80").unwrap();
    let id = connect(&mut net, "127.0.0.1:80");
    assert_eq!(net.accept(at("127.0.0.1:80")), Some(id));
    net.stop(at("127.0.0.1:80"));
    (net, id)
}

fn read(net: &mut Network, id: ConnectionId, side: Side) -> Result<Option<Vec<u8>>, Errno> {
    let mut buffer = [0; 16];
    Ok(match net.read(id, side, &mut buffer, false)? {
        Transfer::Bytes(count) => Some(buffer[..count].to_vec()),
        Transfer::Blocked => None,
    })
}

const READY: Readiness = Readiness::Ready { bytes: 0, hangup: false };

#[test]
fn ports_are_given_in_order_and_again_when_they_are_free() {
    let mut net = Network::default();
    assert_eq!(listen(&mut net, "127.0.0.1:0").unwrap(), "127.0.0.1:49152");
    assert_eq!(listen(&mut net, "[::1]:0").unwrap(), "[::1]:49153");
    let id = connect(&mut net, "127.0.0.1:49152");
    assert_eq!(net.connection(id).unwrap().address(Side::Client), at("127.0.0.1:49154"));
    assert_eq!(listen(&mut net, "127.0.0.1:49155").unwrap(), "127.0.0.1:49155");
    assert_eq!(listen(&mut net, "127.0.0.1:0").unwrap(), "127.0.0.1:49156");
    for _ in 49_157..=65_535 {
        listen(&mut net, "127.0.0.1:0").unwrap();
    }
    assert_eq!(listen(&mut net, "127.0.0.1:0"), Err(Errno::Addrinuse));
    assert_eq!(try_connect(&mut net, "127.0.0.1:49152"), Err(Errno::Addrnotavail));
    net.stop(at("127.0.0.1:50000"));
    assert_eq!(listen(&mut net, "127.0.0.1:0").unwrap(), "127.0.0.1:50000");
}

#[test]
fn looking_for_a_port_costs_the_test() {
    let mut net = Network::default();
    let mut meter = Meter::default();
    net.listen(at("127.0.0.1:0"), &mut meter).unwrap();
    let one = meter.take();
    for port in 49_153..49_163 {
        net.listen(SocketAddr::new(at("127.0.0.1:0").ip(), port), &mut meter).unwrap();
    }
    assert_eq!(meter.take(), 0, "a port of the test's own is looked up, not for");
    net.listen(at("127.0.0.1:0"), &mut meter).unwrap();
    assert_eq!(meter.take(), 11 * one);
}

#[test]
fn an_address_is_listened_at_once() {
    let mut net = Network::default();
    listen(&mut net, "127.0.0.1:80").unwrap();
    for (address, expected) in [
        ("127.0.0.1:80", Err(Errno::Addrinuse)),
        ("0.0.0.0:80", Err(Errno::Addrinuse)),
        ("127.0.0.2:80", Ok("127.0.0.2:80".to_owned())),
        ("[::1]:80", Ok("[::1]:80".to_owned())),
        ("[::]:80", Err(Errno::Addrinuse)),
        ("0.0.0.0:81", Ok("0.0.0.0:81".to_owned())),
        ("127.0.0.1:81", Err(Errno::Addrinuse)),
        ("10.0.0.1:82", Err(Errno::Addrnotavail)),
        ("[::ffff:127.0.0.1]:82", Err(Errno::Addrnotavail)),
    ] {
        assert_eq!(listen(&mut net, address), expected, "{address}");
    }
    net.stop(at("127.0.0.1:80"));
    assert!(listen(&mut net, "127.0.0.1:80").is_ok(), "it is free again");
}

#[test]
fn any_address_is_reached_by_each_of_its_version() {
    let mut net = Network::default();
    listen(&mut net, "0.0.0.0:80").unwrap();
    listen(&mut net, "127.0.0.2:81").unwrap();
    for (address, reached) in [
        ("127.0.0.1:80", Some("127.0.0.1:80")),
        ("127.9.9.9:80", Some("127.9.9.9:80")),
        ("0.0.0.0:80", Some("127.0.0.1:80")),
        ("127.0.0.2:81", Some("127.0.0.2:81")),
        ("127.0.0.1:81", None),
        ("[::1]:80", None),
        ("10.0.0.1:80", None),
        ("127.0.0.1:82", None),
    ] {
        let found = match try_connect(&mut net, address).unwrap() {
            ConnectResult::Queued(id) => Some(net.connection(id).unwrap().address(Side::Server).to_string()),
            ConnectResult::Nobody => None,
            ConnectResult::Full => panic!("{address} is full"),
        };
        assert_eq!(found.as_deref(), reached, "{address}");
    }
}

#[test]
fn connections_wait_in_order_and_not_too_many() {
    let mut net = Network::default();
    let address = at("127.0.0.1:80");
    listen(&mut net, "127.0.0.1:80").unwrap();
    assert_eq!(net.poll_listener(address, Interest::Read), Readiness::Never);
    assert_eq!(net.accept(address), None);
    let ids: Vec<_> = (0..BACKLOG).map(|_| connect(&mut net, "127.0.0.1:80")).collect();
    assert_eq!(try_connect(&mut net, "127.0.0.1:80"), Ok(ConnectResult::Full));
    assert_eq!(net.poll_listener(address, Interest::Read), Readiness::Ready { bytes: 128, hangup: false });
    assert_eq!(net.poll_listener(address, Interest::Write), Readiness::Never);
    assert_eq!((net.accept(address), net.accept(address)), (Some(ids[0]), Some(ids[1])));
    assert!(matches!(try_connect(&mut net, "127.0.0.1:80"), Ok(ConnectResult::Queued(_))));
}

#[test]
fn who_waits_is_reset_when_nobody_listens_any_more() {
    let mut net = Network::default();
    listen(&mut net, "127.0.0.1:80").unwrap();
    let (one, gone) = (connect(&mut net, "127.0.0.1:80"), connect(&mut net, "127.0.0.1:80"));
    net.close(gone, Side::Client);
    net.stop(at("127.0.0.1:80"));
    assert_eq!(read(&mut net, one, Side::Client), Err(Errno::Connreset));
    assert_eq!(net.write(one, Side::Client, b"x"), Err(Errno::Pipe));
    net.close(one, Side::Client);
    assert_eq!(net.held(), 0);
}

#[test]
fn a_client_that_left_before_it_was_accepted_is_still_accepted() {
    let mut net = Network::default();
    listen(&mut net, "127.0.0.1:80").unwrap();
    let id = connect(&mut net, "127.0.0.1:80");
    net.write(id, Side::Client, b"hello").unwrap();
    net.close(id, Side::Client);
    assert_eq!(net.accept(at("127.0.0.1:80")), Some(id));
    assert_eq!(read(&mut net, id, Side::Server), Ok(Some(b"hello".to_vec())));
    assert_eq!(read(&mut net, id, Side::Server), Ok(Some(Vec::new())));
}

#[test]
fn half_a_connection_closes() {
    let (mut net, id) = pair();
    net.write(id, Side::Client, b"request").unwrap();
    net.shut(id, Side::Client, false, true).unwrap();
    assert_eq!(net.write(id, Side::Client, b"more"), Err(Errno::Pipe));
    assert_eq!(read(&mut net, id, Side::Server), Ok(Some(b"request".to_vec())));
    assert_eq!(read(&mut net, id, Side::Server), Ok(Some(Vec::new())), "the end, again and again");
    assert_eq!(read(&mut net, id, Side::Server), Ok(Some(Vec::new())));
    net.write(id, Side::Server, b"answer").unwrap();
    assert_eq!(read(&mut net, id, Side::Client), Ok(Some(b"answer".to_vec())));
    assert_eq!(read(&mut net, id, Side::Client), Ok(None));
    net.shut(id, Side::Client, true, false).unwrap();
    assert_eq!(read(&mut net, id, Side::Client), Ok(Some(Vec::new())));
}

#[test]
fn writing_to_who_is_gone_succeeds_once_and_then_never() {
    let (mut net, id) = pair();
    net.close(id, Side::Server);
    assert_eq!(net.write(id, Side::Client, b"lost"), Ok(Transfer::Bytes(4)));
    assert_eq!(net.write(id, Side::Client, b"more"), Err(Errno::Pipe));
    assert_eq!(read(&mut net, id, Side::Client), Ok(Some(Vec::new())));
    assert_eq!(net.shut(id, Side::Client, true, true), Err(Errno::Notconn));
}

#[test]
fn leaving_bytes_unread_resets_the_other_side() {
    let (mut net, id) = pair();
    net.write(id, Side::Server, b"answer").unwrap();
    net.write(id, Side::Client, b"unread").unwrap();
    assert_eq!(net.connection(id).unwrap().unread(Side::Server), 6);
    net.close(id, Side::Server);
    assert_eq!(read(&mut net, id, Side::Client), Ok(Some(b"answer".to_vec())), "what had arrived");
    assert_eq!(read(&mut net, id, Side::Client), Err(Errno::Connreset));
    assert_eq!(read(&mut net, id, Side::Client), Ok(Some(Vec::new())), "it is told once");
}

#[test]
fn a_full_buffer_takes_no_more_until_it_is_read() {
    let (mut net, id) = pair();
    let bytes = vec![7; CAPACITY + 1];
    assert_eq!(net.write(id, Side::Client, &bytes), Ok(Transfer::Bytes(CAPACITY)));
    assert_eq!(net.write(id, Side::Client, &bytes), Ok(Transfer::Blocked));
    assert_eq!(net.connection(id).unwrap().poll(Side::Client, Interest::Write), Readiness::Never);
    read(&mut net, id, Side::Server).unwrap();
    assert_eq!(net.connection(id).unwrap().poll(Side::Client, Interest::Write), READY);
    assert_eq!(net.write(id, Side::Client, &bytes), Ok(Transfer::Bytes(16)));
}

#[test]
fn readiness_is_that_of_the_next_call() {
    let (mut net, id) = pair();
    let poll = |net: &Network, side, interest| net.connection(id).unwrap().poll(side, interest);
    assert_eq!(poll(&net, Side::Server, Interest::Read), Readiness::Never);
    assert_eq!(poll(&net, Side::Server, Interest::Write), READY);
    net.write(id, Side::Client, b"abc").unwrap();
    assert_eq!(poll(&net, Side::Server, Interest::Read), Readiness::Ready { bytes: 3, hangup: false });
    net.read(id, Side::Server, &mut [0; 8], false).unwrap();
    net.shut(id, Side::Client, false, true).unwrap();
    assert_eq!(poll(&net, Side::Server, Interest::Read), READY, "the end can be read");
    net.shut(id, Side::Server, false, true).unwrap();
    assert_eq!(poll(&net, Side::Server, Interest::Read), Readiness::Ready { bytes: 0, hangup: true });
}

#[test]
fn the_host_s_memory_is_bounded_and_comes_back() {
    let mut net = Network::default();
    let refused = 'full: loop {
        let address = listen(&mut net, "127.0.0.1:0").unwrap();
        for _ in 0..BACKLOG {
            let id = connect(&mut net, &address);
            if let Err(refused) = net.write(id, Side::Client, b"x") {
                break 'full refused;
            }
        }
    };
    assert_eq!(refused, Errno::Nobufs);
    assert!(net.held() <= 64 << 20, "{}", net.held());
    for id in net.ids() {
        net.close(id, Side::Client);
    }
    for address in net.addresses() {
        net.stop(address);
    }
    assert_eq!(net.held(), 0);
    assert!(net.ids().is_empty());
}

/// One step of a test, done to the network and to the model.
#[derive(Debug, Clone)]
enum NetOperation {
    Write(Side, usize),
    Read(Side, usize),
    Peek(Side, usize),
    ShutWrite(Side),
    Close(Side),
}

fn step() -> impl Strategy<Value = NetOperation> {
    let side = || prop_oneof![Just(Side::Client), Just(Side::Server)];
    prop_oneof![
        6 => (side(), 0..100_000_usize).prop_map(|(side, count)| NetOperation::Write(side, count)),
        6 => (side(), 1..100_000_usize).prop_map(|(side, count)| NetOperation::Read(side, count)),
        2 => (side(), 1..100_000_usize).prop_map(|(side, count)| NetOperation::Peek(side, count)),
        1 => side().prop_map(NetOperation::ShutWrite),
        1 => side().prop_map(NetOperation::Close),
    ]
}

/// The state of one direction of a byte stream.
#[derive(Default)]
struct Model {
    sent: Vec<u8>,
    read: usize,
    /// The sender has shut its side.
    ended: bool,
    sender_closed: bool,
    reader_closed: bool,
}

fn index(side: Side) -> usize {
    usize::from(side == Side::Server)
}

proptest! {
    /// Whatever both ends do, each reads what the other wrote: in order, once, and with the end only where it is.
    #[test]
    fn a_connection_is_two_streams_of_bytes(steps in proptest::collection::vec(step(), 0..80)) {
        let (mut net, id) = pair();
        // One for each side that sends.
        let mut model = [Model::default(), Model::default()];
        let mut next = 0_u8;
        for step in steps {
            match step {
                NetOperation::Write(side, count) => {
                    let out = &mut model[index(side)];
                    if out.sender_closed {
                        continue;
                    }
                    let bytes: Vec<u8> = (0..count).map(|_| { next = next.wrapping_add(1); next }).collect();
                    match net.write(id, side, &bytes) {
                        Ok(Transfer::Bytes(taken)) => {
                            prop_assert!(!out.ended);
                            prop_assert!(taken == count || taken > 0);
                            out.sent.extend(&bytes[..taken]);
                            prop_assert!(out.reader_closed || out.sent.len() - out.read <= CAPACITY);
                        }
                        Ok(Transfer::Blocked) => prop_assert_eq!(out.sent.len() - out.read, CAPACITY),
                        Err(Errno::Pipe) => prop_assert!(out.ended || out.reader_closed),
                        Err(Errno::Connreset) => prop_assert!(out.reader_closed),
                        Err(other) => prop_assert!(false, "{:?}", other),
                    }
                }
                NetOperation::Read(side, count) | NetOperation::Peek(side, count) => {
                    let peek = matches!(step, NetOperation::Peek(..));
                    let into = &mut model[index(side.other())];
                    if into.reader_closed {
                        continue;
                    }
                    let mut buffer = vec![0; count];
                    let there = into.sent.len() - into.read;
                    match net.read(id, side, &mut buffer, peek) {
                        Ok(Transfer::Bytes(got)) => {
                            prop_assert_eq!(got, count.min(there));
                            prop_assert_eq!(&buffer[..got], &into.sent[into.read..into.read + got]);
                            prop_assert!(got > 0 || into.ended || into.sender_closed);
                            into.read += if peek { 0 } else { got };
                        }
                        Ok(Transfer::Blocked) => prop_assert!(there == 0 && !into.ended && !into.sender_closed),
                        Err(Errno::Connreset) => prop_assert!(there == 0 && into.sender_closed),
                        Err(other) => prop_assert!(false, "{:?}", other),
                    }
                }
                NetOperation::ShutWrite(side) => {
                    if !model[index(side)].sender_closed && net.shut(id, side, false, true).is_ok() {
                        model[index(side)].ended = true;
                    }
                }
                NetOperation::Close(side) => {
                    if !model[index(side)].sender_closed {
                        net.close(id, side);
                        model[index(side)].sender_closed = true;
                        model[index(side.other())].reader_closed = true;
                    }
                }
            }
            for side in [Side::Client, Side::Server] {
                let into = &model[index(side.other())];
                if !into.reader_closed {
                    prop_assert_eq!(net.connection(id).unwrap().unread(side), into.sent.len() - into.read);
                }
            }
        }
        net.close(id, Side::Client);
        net.close(id, Side::Server);
        prop_assert_eq!(net.held(), 0);
        prop_assert_eq!(net.connection(id).err(), Some(Errno::Notconn));
    }
}
