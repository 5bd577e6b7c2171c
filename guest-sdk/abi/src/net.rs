//! Functions that the host offers beside WASI for sockets, and how they lay out addresses. All are imported from [`MODULE`], take and
//! return `i32`, and return an errno of WASI preview 1 (0 for success); they write through the module's export `memory`.
//!
//! | import | parameters | what it does |
//! | --- | --- | --- |
//! | [`LISTEN`] | `address`, `fd` | opens a socket listening at the [address](Address); writes its descriptor to `*fd` |
//! | [`CONNECT`] | `address`, `fd` | opens a socket connected to the address; writes its descriptor to `*fd` |
//! | [`ADDRESS`] | `fd`, `side`, `address` | writes the address of a socket's own [side](LOCAL), or of its [peer](PEER)'s |
//!
//! What is done with such a descriptor is WASI's: `sock_accept`, `fd_read`, `fd_write`, `sock_recv`, `sock_send`,
//! `sock_shutdown`, `fd_fdstat_set_flags`, `poll_oneoff`, `fd_close`.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The module name of the imports, and of every other that is airtight's own.
pub const MODULE: &str = "airtight";

/// The import that listens.
pub const LISTEN: &str = "sock_listen";

/// The import that connects.
pub const CONNECT: &str = "sock_connect";

/// The import that tells a socket's addresses.
pub const ADDRESS: &str = "sock_address";

/// Every import with the number of its parameters, by name.
pub const IMPORTS: [(&str, usize); 3] = [(ADDRESS, 3), (CONNECT, 2), (LISTEN, 2)];

/// Asks [`ADDRESS`] for the socket's own side.
pub const LOCAL: u32 = 0;

/// Asks [`ADDRESS`] for its peer.
pub const PEER: u32 = 1;

/// An address as it lies in memory: the IP address in 16 bytes (one of version 4 in the first four, the rest 0), the port
/// in two, little-endian, the IP version (4 or 6), and a 0. It has no alignment.
pub type Address = [u8; 20];

/// Lays out an address. Scope and flow label of IPv6 are left out: a loopback network has neither.
#[must_use]
pub fn encode(address: SocketAddr) -> Address {
    let mut bytes = [0; 20];
    bytes[18] = match address.ip() {
        IpAddr::V4(ip) => {
            bytes[..4].copy_from_slice(&ip.octets());
            4
        }
        IpAddr::V6(ip) => {
            bytes[..16].copy_from_slice(&ip.octets());
            6
        }
    };
    bytes[16..18].copy_from_slice(&address.port().to_le_bytes());
    bytes
}

/// Reads an address; `None` where the bytes are none.
#[must_use]
pub fn decode(bytes: Address) -> Option<SocketAddr> {
    let [a, b, c, d, rest @ .., low, high, version, zero] = bytes;
    let ip = match version {
        4 if rest == [0; 12] => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        6 => {
            let mut ip = [0; 16];
            ip.copy_from_slice(&bytes[..16]);
            IpAddr::V6(Ipv6Addr::from(ip))
        }
        _ => return None,
    };
    (zero == 0).then_some(SocketAddr::new(ip, u16::from_le_bytes([low, high])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn imports_are_sorted() {
        assert!(IMPORTS.is_sorted());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let v4 = encode("127.0.0.1:80".parse().unwrap());
        for (at, byte) in [(18, 5), (18, 0), (19, 1), (4, 1)] {
            let mut bytes = v4;
            bytes[at] = byte;
            assert_eq!(decode(bytes), None, "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(ip: IpAddr, port: u16) {
            let address = SocketAddr::new(ip, port);
            prop_assert_eq!(decode(encode(address)), Some(address));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: [u8; 20]) {
            if let Some(address) = decode(bytes) {
                prop_assert_eq!(encode(address), bytes);
            }
        }
    }
}
