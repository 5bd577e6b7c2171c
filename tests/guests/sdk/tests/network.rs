//! The network of a test's own. All that passes here passes natively too, on sockets of the machine.

use airtight::T;
use airtight::net;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

fn server() -> (TcpListener, SocketAddr) {
    let server = net::listen("127.0.0.1:0").unwrap();
    let address = net::local_addr(&server).unwrap();
    (server, address)
}

fn nothing_left(stream: &mut TcpStream) {
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
}

#[airtight::test]
fn pass_echo(_: &mut T) {
    let (server, address) = server();
    let mut client = net::connect(address).unwrap();
    for text in ["hello", "again"] {
        client.write_all(text.as_bytes()).unwrap();
    }
    client.shutdown(Shutdown::Write).unwrap();

    let (mut served, peer) = net::accept(&server).unwrap();
    assert_eq!(peer, net::local_addr(&client).unwrap());
    assert_eq!(net::peer_addr(&client).unwrap(), address);
    assert_eq!(net::local_addr(&served).unwrap(), address);
    let mut text = String::new();
    served.read_to_string(&mut text).unwrap();
    served.write_all(text.to_uppercase().as_bytes()).unwrap();
    drop(served);

    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "HELLOAGAIN");
}

#[airtight::test]
fn pass_two_clients_in_order(_: &mut T) {
    let (server, address) = server();
    let mut clients: Vec<_> = (0..2).map(|_| net::connect(address).unwrap()).collect();
    for (client, text) in clients.iter_mut().zip(["a", "b"]) {
        client.write_all(text.as_bytes()).unwrap();
    }
    for text in ["a", "b"] {
        let mut served = server.accept().unwrap().0;
        let mut byte = [0];
        served.read_exact(&mut byte).unwrap();
        assert_eq!(byte, text.as_bytes());
    }
}

#[airtight::test]
fn pass_ip_version_6(_: &mut T) {
    let server = net::listen("[::1]:0").unwrap();
    let client = net::connect(net::local_addr(&server).unwrap()).unwrap();
    let (_served, peer) = net::accept(&server).unwrap();
    assert!(peer.is_ipv6() && peer == net::local_addr(&client).unwrap());
}

#[airtight::test]
fn pass_any_address(_: &mut T) {
    let server = net::listen("0.0.0.0:0").unwrap();
    let port = net::local_addr(&server).unwrap().port();
    let client = net::connect((std::net::Ipv4Addr::LOCALHOST, port)).unwrap();
    assert_eq!(net::peer_addr(&client).unwrap().to_string(), format!("127.0.0.1:{port}"));
    drop(server.accept().unwrap());
}

#[airtight::test]
fn pass_address_in_use(_: &mut T) {
    let (server, address) = server();
    assert_eq!(net::listen(address).unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(server);
    net::listen(address).unwrap();
}

#[airtight::test]
fn pass_refused(_: &mut T) {
    let (server, address) = server();
    drop(server);
    assert_eq!(net::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[airtight::test]
fn pass_without_waiting(_: &mut T) {
    let (server, address) = server();
    server.set_nonblocking(true).unwrap();
    assert_eq!(server.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut client = net::connect(address).unwrap();
    let (mut served, _) = server.accept().unwrap();
    served.set_nonblocking(true).unwrap();
    assert_eq!(served.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    client.write_all(b"x").unwrap();
    assert_eq!(served.read(&mut [0; 8]).unwrap(), 1);
}

#[airtight::test]
fn pass_half_closed(_: &mut T) {
    let (mut one, mut other) = net::pair().unwrap();
    one.shutdown(Shutdown::Write).unwrap();
    nothing_left(&mut other);
    assert_eq!(one.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    other.write_all(b"still").unwrap();
    let mut text = [0; 5];
    one.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"still");
}

#[airtight::test]
fn pass_reset_by_unread_bytes(_: &mut T) {
    let (mut one, other) = net::pair().unwrap();
    one.write_all(b"unread").unwrap();
    drop(other);
    assert_eq!(one.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[airtight::test]
fn pass_writing_to_who_is_gone(_: &mut T) {
    let (mut one, other) = net::pair().unwrap();
    drop(other);
    one.write_all(b"lost").unwrap();
    assert_eq!(one.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
    nothing_left(&mut one);
}

#[airtight::test]
fn pass_a_full_buffer(_: &mut T) {
    let (mut one, mut other) = net::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    let chunk = [7; 4096];
    let mut written = 0;
    let full = loop {
        match one.write(&chunk) {
            Ok(count) => written += count,
            Err(full) => break full,
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    drop(one);
    assert_eq!(other.read_to_end(&mut Vec::new()).unwrap(), written);
}

#[airtight::test]
fn pass_peeked(_: &mut T) {
    let (mut one, other) = net::pair().unwrap();
    one.write_all(b"ping").unwrap();
    let mut bytes = [0; 8];
    for _ in 0..2 {
        assert_eq!(net::peek(&other, &mut bytes).unwrap(), 4);
    }
    let read = (&other).read(&mut bytes).unwrap();
    assert_eq!(&bytes[..read], b"ping");
}

#[airtight::test]
fn pass_same_port_here(_: &mut T) {
    net::listen("127.0.0.1:47632").unwrap();
}

#[airtight::test]
fn pass_same_port_there(_: &mut T) {
    net::listen("127.0.0.1:47632").unwrap();
}

#[airtight::test]
fn pass_names_are_refused(_: &mut T) {
    let error = net::connect("localhost:80").unwrap_err();
    assert!(error.to_string().contains("127.0.0.1:80"), "{error}");
}

/// What only a sandbox does.
#[cfg(target_os = "wasi")]
mod sandbox {
    use super::*;
    use std::os::fd::{AsRawFd, RawFd};

    #[airtight::test]
    fn pass_ports_are_the_same_everywhere(_: &mut T) {
        let (server, address) = server();
        assert_eq!(address.to_string(), "127.0.0.1:49152");
        let client = net::connect(address).unwrap();
        assert_eq!(net::local_addr(&client).unwrap().port(), 49_153);
        drop(server);
    }

    #[airtight::test]
    fn deny_other_machines(_: &mut T) {
        let error = net::connect("192.0.2.1:80").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("outbound = [\"192.0.2.1:80\"]"), "{error}");
        assert_eq!(net::listen("192.0.2.1:80").unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    }

    #[airtight::test]
    fn deny_too_many_sockets(_: &mut T) {
        let server = net::listen("127.0.0.1:0").unwrap();
        let address = net::local_addr(&server).unwrap();
        let mut clients = Vec::new();
        let refused = loop {
            match net::connect(address).and_then(|client| Ok([client, server.accept()?.0])) {
                Ok(both) => clients.extend(both),
                Err(refused) => break refused,
            }
        };
        // EMFILE of preview 1.
        assert_eq!(refused.raw_os_error(), Some(33), "{refused}");
    }

    #[airtight::test]
    fn leak_of_a_listener(_: &mut T) {
        let (server, address) = server();
        std::mem::forget(net::connect(address));
        std::mem::forget(server);
    }

    #[airtight::test]
    fn leak_of_a_client_and_what_it_was_sent(_: &mut T) {
        let (server, address) = server();
        let mut client = net::connect(address).unwrap();
        let (mut served, _) = server.accept().unwrap();
        served.write_all(b"hello, there").unwrap();
        client.write_all(b"four").unwrap();
        served.read_exact(&mut [0; 4]).unwrap();
        client.read_exact(&mut [0; 5]).unwrap();
        std::mem::forget(client);
    }

    #[airtight::test]
    fn leak_of_accepted_connections(_: &mut T) {
        let (server, address) = server();
        for _ in 0..3 {
            let mut client = net::connect(address).unwrap();
            client.write_all(b"unread").unwrap();
            std::mem::forget(net::accept(&server).unwrap());
        }
    }

    #[airtight::test]
    fn timeout_accepting(_: &mut T) {
        let (server, _) = server();
        let _ = server.accept();
    }

    #[airtight::test]
    fn timeout_reading(_: &mut T) {
        let (mut one, _other) = net::pair().unwrap();
        let _ = one.read(&mut [0; 8]);
    }

    #[airtight::test]
    fn timeout_writing(_: &mut T) {
        let (mut one, _other) = net::pair().unwrap();
        let _ = one.write_all(&[0; 100_000]);
    }

    #[airtight::test]
    fn timeout_connecting(_: &mut T) {
        let (_server, address) = server();
        let _clients: Vec<_> = (0..129).map(|_| net::connect(address)).collect();
    }

    #[airtight::test]
    fn timeout_polling(_: &mut T) {
        let ((server, _), (one, _other)) = (server(), net::pair().unwrap());
        poll(&[readable(server.as_raw_fd()), readable(one.as_raw_fd())]);
    }

    #[airtight::test]
    fn timeout_in_the_middle_of_a_clean_up(t: &mut T) {
        let (server, _) = server();
        t.cleanup(|| drop(net::pair().unwrap()));
        let _ = server.accept();
    }

    #[airtight::test]
    fn pass_polled_beside_a_clock(_: &mut T) {
        let (server, address) = server();
        let (descriptor, clock) = (readable(server.as_raw_fd()), after(3_600_000_000_000));
        assert_eq!(poll(&[descriptor, clock]), [CLOCK], "nobody can connect, so the hour passes at once");
        let _client = net::connect(address).unwrap();
        assert_eq!(poll(&[descriptor, clock]), [READ]);
    }

    /// A subscription of preview 1 that tells itself by its type.
    type Subscription = [u64; 6];

    const CLOCK: u8 = 0;
    const READ: u8 = 1;

    fn after(nanos: u64) -> Subscription {
        const MONOTONIC: u64 = 1;
        [0, CLOCK.into(), MONOTONIC, nanos, 0, 0]
    }

    fn readable(fd: RawFd) -> Subscription {
        [0, READ.into(), fd as u64, 0, 0, 0]
    }

    /// The types of the events that fired.
    fn poll(subscriptions: &[Subscription]) -> Vec<u8> {
        #[link(wasm_import_module = "wasi_snapshot_preview1")]
        unsafe extern "C" {
            fn poll_oneoff(subs: *const Subscription, events: *mut [u64; 4], count: usize, fired: *mut usize) -> i32;
        }
        let mut events = vec![[0; 4]; subscriptions.len()];
        let mut fired = 0;
        // SAFETY: both arrays have as many entries as is said, of the layouts of preview 1.
        let errno =
            unsafe { poll_oneoff(subscriptions.as_ptr(), events.as_mut_ptr(), subscriptions.len(), &mut fired) };
        assert_eq!(errno, 0);
        events[..fired].iter().map(|event| event[1].to_le_bytes()[2]).collect()
    }

    /// Why tests that need another end outside do nothing without one.
    const NOTHING: &str = "nothing is granted";

    /// Given a server by `tests/network.rs`, which says where in a variable.
    #[airtight::test]
    fn skip_outbound_where_nothing_is_granted(t: &mut T) {
        let Ok(address) = std::env::var("OUTBOUND") else { t.skip(NOTHING) };
        let mut client = net::connect(&address).unwrap();
        assert_eq!(net::peer_addr(&client).unwrap().to_string(), address);
        assert_eq!(net::local_addr(&client).unwrap_err().kind(), ErrorKind::Unsupported, "the host's port");
        client.write_all(b"ping").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "PING");
        let own = net::listen(&address).unwrap();
        let _to_itself = net::connect(&address).unwrap();
        drop(own.accept().unwrap());
    }

    /// Given a socket of the host's by `tests/network.rs`.
    #[airtight::test]
    fn skip_talking_to_the_host_where_nothing_is_granted(t: &mut T) {
        use std::os::fd::FromRawFd;
        // SAFETY: the test owns it, once.
        let mut host: TcpStream = match (airtight::socket("client"), airtight::socket("server")) {
            (Some(fd), _) => unsafe { TcpStream::from_raw_fd(fd) },
            // SAFETY: the test owns it, once.
            (None, Some(fd)) => unsafe { TcpListener::from_raw_fd(fd) }.accept().unwrap().0,
            (None, None) => t.skip(NOTHING),
        };
        host.write_all(b"ping").unwrap();
        host.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        host.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "PING");
    }

    /// Waits in real time for a socket of the host's that has a clock beside it.
    #[airtight::test]
    fn skip_polling_the_host_where_nothing_is_granted(t: &mut T) {
        let Some(fd) = airtight::socket("client") else { t.skip(NOTHING) };
        let hour = after(3_600_000_000_000);
        assert_eq!(poll(&[hour, readable(fd)]), [READ], "the host answers long before the hour is over");
    }
}
