use super::address::sealed::Address as _;
use super::*;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[test]
fn addresses_are_ip_addresses_with_a_port() {
    let expected: SocketAddr = "127.0.0.1:80".parse().unwrap();
    let (text, borrowed) = ("127.0.0.1:80".to_owned(), &"127.0.0.1:80");
    for address in [
        text.as_str().address(),
        text.address(),
        borrowed.address(),
        expected.address(),
        (Ipv4Addr::LOCALHOST, 80).address(),
        (IpAddr::V4(Ipv4Addr::LOCALHOST), 80).address(),
    ] {
        assert_eq!(address.unwrap(), expected);
    }
    assert_eq!((Ipv6Addr::LOCALHOST, 1).address().unwrap(), "[::1]:1".parse().unwrap());
}

#[test]
fn names_are_refused_with_what_to_write() {
    for (text, told) in [
        ("localhost:8080", "there are no host names here; write an IP address, such as 127.0.0.1:8080"),
        ("example.org", "write an IP address and a port, such as 127.0.0.1:8080"),
        ("127.0.0.1", "write an IP address and a port, such as 127.0.0.1:8080"),
        ("", "write an IP address and a port, such as 127.0.0.1:8080"),
    ] {
        let error = listen(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), format!("`{text}` is not an address; {told}"));
        assert_eq!(connect(text).unwrap_err().to_string(), error.to_string());
    }
}

#[test]
fn both_ends_of_a_pair_know_each_other() {
    let (mut one, mut other) = pair().unwrap();
    assert_eq!(local_addr(&one).unwrap(), peer_addr(&other).unwrap());
    assert_eq!(peer_addr(&one).unwrap(), local_addr(&other).unwrap());
    one.write_all(b"ping").unwrap();
    let mut bytes = [0; 4];
    assert_eq!(peek(&other, &mut bytes).unwrap(), 4);
    other.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"ping");
}
