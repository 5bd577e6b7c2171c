//! The same, with sockets of the machine.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
}

pub(super) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect(address)
}

pub(super) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    listener.accept()
}

pub(super) fn local_addr_of_listener(listener: &TcpListener) -> io::Result<SocketAddr> {
    listener.local_addr()
}

pub(super) fn local_addr_of_stream(stream: &TcpStream) -> io::Result<SocketAddr> {
    stream.local_addr()
}

pub(super) fn peer_addr(stream: &TcpStream) -> io::Result<SocketAddr> {
    stream.peer_addr()
}

pub(super) fn peek(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    stream.peek(buffer)
}
