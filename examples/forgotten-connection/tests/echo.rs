//! The same exchange three times. Natively all three pass.

use airtight::T;
use forgotten_connection::Echo;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{FromRawFd, IntoRawFd};

/// The server and a client of it: granted by airtight.toml under airtight, made here natively.
fn server_and_client() -> (Echo, TcpStream) {
    let (listener, client) = match (airtight::socket("server"), airtight::socket("client")) {
        // SAFETY: airtight opened them for this test, which takes each once.
        (Some(server), Some(client)) => unsafe { (TcpListener::from_raw_fd(server), TcpStream::from_raw_fd(client)) },
        _ => {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let address = listener.local_addr().expect("a bound socket has an address");
            (listener, TcpStream::connect(address).expect("it listens"))
        }
    };
    (Echo::new(listener), client)
}

fn exchange(server: &mut Echo, mut client: TcpStream) {
    client.write_all(b"hello\n").unwrap();
    server.answer_one().unwrap();
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).unwrap();
    assert_eq!(line, "hello\n");
}

#[airtight::test(grants("server", "client"))]
fn everything_is_closed(_: &mut T) {
    let (mut server, client) = server_and_client();
    exchange(&mut server, client);
}

/// Handlers want a server that lives for ever, so the test makes one.
#[airtight::test(grants("server", "client"))]
fn the_server_lives_for_ever(_: &mut T) {
    let (server, client) = server_and_client();
    exchange(Box::leak(Box::new(server)), client);
}

/// An event loop wants a descriptor, and nobody makes a `TcpStream` of it again.
#[airtight::test(grants("server", "client"))]
fn the_connection_is_a_number(_: &mut T) {
    let (mut server, client) = server_and_client();
    exchange(&mut server, client);
    let descriptor = server.take().unwrap().into_raw_fd();
    assert!(descriptor > 2);
}
