//! airtight's own imports, which the guest SDK calls. See [`airtight_abi::net`].

use super::connection::Side;
use super::network::ConnectResult;
use super::socket::{Listener, Stream};
use crate::ledger::{Access, Kind};
use crate::sandbox::wasi::context::{NewHandle, Wasi};
use crate::sandbox::wasi::fault::{Fault, Halt};
use crate::sandbox::wasi::host::socket;
use crate::sandbox::wasi::meter;
use crate::sandbox::wasi::table::{File, Object, Result, RightsPair};
use crate::sandbox::wasi::waiting::Wait;
use airtight_abi::net::{Address, LOCAL, PEER, decode, encode};
use std::net::SocketAddr;
use wasi_common::snapshots::preview_1::types::{Errno, Fd, Fdflags, Rights};
use wiggle::{GuestMemory, GuestPtr};

/// The size of an address in the guest's memory, in bytes.
const ADDRESS_SIZE: u32 = size_of::<Address>() as u32;

/// `sock_listen`.
pub fn listen(wasi: &mut Wasi, memory: &mut GuestMemory<'_>, address: i32, fd: i32) -> wasmtime::Result<i32> {
    answer(wasi.listen(memory, address, fd))
}

/// `sock_connect`.
pub fn connect(wasi: &mut Wasi, memory: &mut GuestMemory<'_>, address: i32, fd: i32) -> wasmtime::Result<i32> {
    answer(wasi.connect(memory, address, fd))
}

/// `sock_address`.
pub fn address(
    wasi: &mut Wasi,
    memory: &mut GuestMemory<'_>,
    fd: i32,
    side: i32,
    address: i32,
) -> wasmtime::Result<i32> {
    answer(wasi.socket_address(memory, fd, side, address))
}

/// The errno for the guest, or an error that ends it.
fn answer(done: Result<()>) -> wasmtime::Result<i32> {
    match done {
        Ok(()) => Ok(0),
        Err(Fault::Errno(errno)) => Ok(i32::from(errno as u16)),
        Err(Fault::Waiting(stuck)) => Err(Halt::from(stuck.unnamed()).into()),
        Err(Fault::Halt(halt)) => Err(halt.into()),
    }
}

impl Wasi {
    fn listen(&mut self, memory: &mut GuestMemory<'_>, address: i32, fd: i32) -> Result<()> {
        let address = self.address_argument(memory, address)?;
        self.place_for(memory, fd)?;
        let address = self.world.network.listen(address, &mut self.world.meter)?;
        let listener = Listener { address, flags: Fdflags::empty() };
        self.tell(memory, fd, Box::new(listener), Access::None, address.to_string())
    }

    fn connect(&mut self, memory: &mut GuestMemory<'_>, address: i32, fd: i32) -> Result<()> {
        let address = self.address_argument(memory, address)?;
        self.place_for(memory, fd)?;
        let path = format!("-> {address}");
        // What the test itself serves comes first: if it listens at the address of a granted service, it means its own.
        let socket: Box<dyn File> = match self.world.network.connect(address, &mut self.world.meter)? {
            ConnectResult::Queued(id) => Box::new(Stream { id, side: Side::Client, flags: Fdflags::empty() }),
            ConnectResult::Full => return Err(Fault::forever(Wait::Backlog(address))),
            ConnectResult::Nobody if self.grants.policy.outbound.contains(&address) => {
                Box::new(socket::connect(&mut self.world, address)?)
            }
            ConnectResult::Nobody if address.ip().is_loopback() || address.ip().is_unspecified() => {
                return Err(Errno::Connrefused.into());
            }
            ConnectResult::Nobody => return Err(Errno::Acces.into()),
        };
        self.tell(memory, fd, socket, Access::ReadWrite, path)
    }

    fn socket_address(&mut self, memory: &mut GuestMemory<'_>, fd: i32, side: i32, address: i32) -> Result<()> {
        let socket = self.table.socket(Fd::from(fd.cast_unsigned()), Rights::empty())?;
        let found = match side.cast_unsigned() {
            LOCAL => socket.local(&self.world)?,
            PEER => socket.peer(&self.world)?,
            _ => return Err(Errno::Inval.into()),
        };
        Ok(memory.copy_from_slice(&encode(found), pointer(address).as_array(ADDRESS_SIZE))?)
    }

    /// Reads an address argument, and charges the price of looking it up.
    fn address_argument(&mut self, memory: &GuestMemory<'_>, address: i32) -> Result<SocketAddr> {
        self.world.meter.charge(meter::PATH, 1);
        let mut bytes = Address::default();
        for (byte, at) in bytes.iter_mut().zip(pointer(address).as_array(ADDRESS_SIZE).iter()) {
            *byte = memory.read(at?)?;
        }
        decode(bytes).ok_or_else(|| Errno::Inval.into())
    }

    /// Checks that a new descriptor is allowed, and that its number can be written to the guest: before anything is made.
    fn place_for(&mut self, memory: &mut GuestMemory<'_>, fd: i32) -> Result<()> {
        self.room_for_handle()?;
        Ok(memory.write(GuestPtr::<u32>::new(fd.cast_unsigned()), 0)?)
    }

    fn tell(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: i32,
        socket: Box<dyn File>,
        access: Access,
        path: String,
    ) -> Result<()> {
        let rights = RightsPair::whole(Kind::Socket, access);
        let what = NewHandle { kind: Kind::Socket, path: path.into(), access, rights };
        let opened = self.acquired(Object::File(socket), what)?;
        Ok(memory.write(GuestPtr::<u32>::new(fd.cast_unsigned()), opened.into())?)
    }
}

fn pointer(address: i32) -> GuestPtr<u8> {
    GuestPtr::new(address.cast_unsigned())
}
