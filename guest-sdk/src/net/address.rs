//! What can be listened at or connected to.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// An IP address with a port: text such as `"127.0.0.1:8080"` or `"[::1]:0"`, a [`SocketAddr`], or the two in a tuple.
///
/// There are no host names: a sandbox has nobody to ask for them.
pub trait Address: sealed::Address {}

impl<A: sealed::Address + ?Sized> Address for A {}

pub(super) mod sealed {
    pub trait Address {
        fn address(&self) -> std::io::Result<std::net::SocketAddr>;
    }
}

impl sealed::Address for str {
    fn address(&self) -> io::Result<SocketAddr> {
        self.parse().map_err(|_| {
            let named = self.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
            let instead = match named {
                Some((_, port)) => {
                    format!("there are no host names here; write an IP address, such as 127.0.0.1:{port}")
                }
                None => "write an IP address and a port, such as 127.0.0.1:8080".to_owned(),
            };
            io::Error::new(ErrorKind::InvalidInput, format!("`{self}` is not an address; {instead}"))
        })
    }
}

impl sealed::Address for String {
    fn address(&self) -> io::Result<SocketAddr> {
        self.as_str().address()
    }
}

impl<A: sealed::Address + ?Sized> sealed::Address for &A {
    fn address(&self) -> io::Result<SocketAddr> {
        (**self).address()
    }
}

macro_rules! addresses {
    ($($of:ty),*) => {$(
        impl sealed::Address for $of {
            fn address(&self) -> io::Result<SocketAddr> {
                Ok((*self).into())
            }
        }
    )*};
}

addresses!(SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));
