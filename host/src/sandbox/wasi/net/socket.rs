//! What a descriptor of the network stands for.

use super::connection::{Side, Transfer};
use super::network::ConnectionId;
use crate::sandbox::wasi::fault::Fault;
use crate::sandbox::wasi::table::{File, Interest, NewConnection, Readiness, Result, only_nonblock};
use crate::sandbox::wasi::waiting::Wait;
use crate::sandbox::wasi::world::World;
use std::net::SocketAddr;
use wasi_common::snapshots::preview_1::types::{Errno, Fdflags, Filetype, Sdflags};

/// A listening socket.
#[derive(Clone)]
pub struct Listener {
    pub address: SocketAddr,
    pub flags: Fdflags,
}

/// One end of a connection.
#[derive(Clone)]
pub struct Stream {
    pub id: ConnectionId,
    pub side: Side,
    pub flags: Fdflags,
}

/// The answer to a call that has to wait: `Again` for a non-blocking descriptor; else the call ends the guest.
fn blocked(flags: Fdflags, wait: Wait) -> Fault {
    if flags.contains(Fdflags::NONBLOCK) { Errno::Again.into() } else { Fault::forever(wait) }
}

impl File for Listener {
    fn fork(&self) -> Option<Box<dyn File>> {
        Some(Box::new(self.clone()))
    }

    fn kind(&self) -> Filetype {
        Filetype::SocketStream
    }

    fn flags(&self) -> Fdflags {
        self.flags
    }

    fn set_flags(&mut self, flags: Fdflags) -> Result<()> {
        self.flags = only_nonblock(flags)?;
        Ok(())
    }

    fn poll(&mut self, world: &mut World, interest: Interest) -> Result<Readiness> {
        Ok(world.network.poll_listener(self.address, interest))
    }

    fn accept(&mut self, world: &mut World, flags: Fdflags) -> Result<NewConnection> {
        let flags = only_nonblock(flags)?;
        let id = world.network.accept(self.address).ok_or_else(|| blocked(self.flags, Wait::Connection))?;
        let peer = world.network.connection(id)?.address(Side::Client);
        let socket = Box::new(Stream { id, side: Side::Server, flags });
        Ok(NewConnection { socket, peer: peer.ip().to_string() })
    }

    fn shutdown(&mut self, _: &mut World, _: Sdflags) -> Result<()> {
        Err(Errno::Notconn.into())
    }

    fn local(&self, _: &World) -> Result<SocketAddr> {
        Ok(self.address)
    }

    fn peer(&self, _: &World) -> Result<SocketAddr> {
        Err(Errno::Notconn.into())
    }

    fn waiting(&self, world: &World) -> Option<u64> {
        Some(world.network.waiting(self.address) as u64)
    }

    fn close(&mut self, world: &mut World) {
        world.network.stop(self.address);
    }
}

impl File for Stream {
    fn fork(&self) -> Option<Box<dyn File>> {
        Some(Box::new(self.clone()))
    }

    fn kind(&self) -> Filetype {
        Filetype::SocketStream
    }

    fn flags(&self) -> Fdflags {
        self.flags
    }

    fn set_flags(&mut self, flags: Fdflags) -> Result<()> {
        self.flags = only_nonblock(flags)?;
        Ok(())
    }

    fn read(&mut self, world: &mut World, buffer: &mut [u8]) -> Result<usize> {
        self.recv(world, buffer, false)
    }

    fn write(&mut self, world: &mut World, bytes: &[u8]) -> Result<usize> {
        match world.network.write(self.id, self.side, bytes)? {
            Transfer::Bytes(count) => Ok(count),
            Transfer::Blocked => Err(blocked(self.flags, Wait::Room)),
        }
    }

    fn poll(&mut self, world: &mut World, interest: Interest) -> Result<Readiness> {
        Ok(world.network.connection(self.id)?.poll(self.side, interest))
    }

    fn recv(&mut self, world: &mut World, buffer: &mut [u8], peek: bool) -> Result<usize> {
        match world.network.read(self.id, self.side, buffer, peek)? {
            Transfer::Bytes(count) => Ok(count),
            Transfer::Blocked => Err(blocked(self.flags, Wait::Bytes)),
        }
    }

    fn send(&mut self, world: &mut World, bytes: &[u8]) -> Result<usize> {
        self.write(world, bytes)
    }

    fn shutdown(&mut self, world: &mut World, how: Sdflags) -> Result<()> {
        if how.is_empty() {
            return Err(Errno::Inval.into());
        }
        Ok(world.network.shut(self.id, self.side, how.contains(Sdflags::RD), how.contains(Sdflags::WR))?)
    }

    fn local(&self, world: &World) -> Result<SocketAddr> {
        Ok(world.network.connection(self.id)?.address(self.side))
    }

    fn peer(&self, world: &World) -> Result<SocketAddr> {
        Ok(world.network.connection(self.id)?.address(self.side.other()))
    }

    fn waiting(&self, world: &World) -> Option<u64> {
        world.network.connection(self.id).ok().map(|connection| connection.unread(self.side) as u64)
    }

    fn close(&mut self, world: &mut World) {
        world.network.close(self.id, self.side);
    }
}
