//! Who listens where, which connections wait to be accepted, and which port is next.

use super::connection::{Connection, Side, Transfer};
use super::pipe::Budget;
use crate::sandbox::wasi::meter::{self, Meter};
use crate::sandbox::wasi::table::{Interest, Readiness};
use crate::sandbox::wasi::waiting::BACKLOG;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use wasi_common::snapshots::preview_1::types::Errno;

/// The most memory that one test's network takes from the host: 64 MiB.
const MEMORY: u64 = 64 << 20;

/// What a listening socket or a connection takes of that memory, beside the bytes under way.
const ENTRY_MEMORY: u64 = 1 << 10;

/// The first port to be given if a test asks for none: the first of IANA's dynamic ports.
const FIRST_FREE_PORT: u16 = 49_152;

/// The key of a connection; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(u64);

/// The result of connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectResult {
    /// The connection waits to be accepted.
    Queued(ConnectionId),
    /// Too many other connections wait.
    Full,
    /// Nobody listens at the address.
    Nobody,
}

/// One test's network.
#[derive(Debug, Clone)]
pub struct Network {
    /// The connections that wait at each listening socket, by its address.
    listening: BTreeMap<SocketAddr, VecDeque<ConnectionId>>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// How many sockets use each port.
    ports: BTreeMap<u16, u32>,
    next_port: u16,
    next_id: u64,
    budget: Budget,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            listening: BTreeMap::new(),
            connections: BTreeMap::new(),
            ports: BTreeMap::new(),
            next_port: FIRST_FREE_PORT,
            next_id: 0,
            budget: Budget::new(MEMORY),
        }
    }
}

impl Network {
    /// Bytes of the host's memory that the network holds: whole buffers, and 1 KiB for each listening socket and
    /// connection.
    pub fn held(&self) -> u64 {
        self.budget.held()
    }

    /// Every connection there is.
    #[cfg(test)]
    pub fn ids(&self) -> Vec<ConnectionId> {
        self.connections.keys().copied().collect()
    }

    /// Every address that is listened at.
    #[cfg(test)]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listening.keys().copied().collect()
    }

    /// Begins to listen; gives the address with its port.
    pub fn listen(&mut self, address: SocketAddr, meter: &mut Meter) -> Result<SocketAddr, Errno> {
        let ip = address.ip();
        if !ip.is_loopback() && !ip.is_unspecified() {
            return Err(Errno::Addrnotavail);
        }
        let port = match address.port() {
            0 => self.free_port(meter).ok_or(Errno::Addrinuse)?,
            port if self.is_taken(ip, port) => return Err(Errno::Addrinuse),
            port => port,
        };
        self.budget.take(ENTRY_MEMORY)?;
        let address = SocketAddr::new(ip, port);
        self.listening.insert(address, VecDeque::new());
        self.use_port(port);
        Ok(address)
    }

    /// Whether a socket listens at this address and port, or at the unspecified address of the same version.
    fn is_taken(&self, ip: IpAddr, port: u16) -> bool {
        let same_version = |other: &IpAddr| other.is_ipv4() == ip.is_ipv4();
        let overlap = |other: &IpAddr| *other == ip || other.is_unspecified() || ip.is_unspecified();
        let mut others = self.listening.keys().filter(|other| other.port() == port).map(SocketAddr::ip);
        others.any(|other| same_version(&other) && overlap(&other))
    }

    /// Stops listening. Connections that wait to be accepted are reset.
    pub fn stop(&mut self, address: SocketAddr) {
        let Some(waiting) = self.listening.remove(&address) else { return };
        for id in waiting {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.refuse(Side::Server, &mut self.budget);
            }
            self.forget_if_over(id);
        }
        self.free(address.port());
        self.budget.give_back(ENTRY_MEMORY);
    }

    /// Connects to the socket that listens at an address.
    pub fn connect(&mut self, address: SocketAddr, meter: &mut Meter) -> Result<ConnectResult, Errno> {
        let address = SocketAddr::new(reached_by(address.ip()), address.port());
        let Some(listener) = self.listener_at(address) else { return Ok(ConnectResult::Nobody) };
        if self.waiting(listener) >= BACKLOG {
            return Ok(ConnectResult::Full);
        }
        let port = self.free_port(meter).ok_or(Errno::Addrnotavail)?;
        self.budget.take(ENTRY_MEMORY)?;
        let id = ConnectionId(self.next_id);
        self.next_id += 1;
        let client = SocketAddr::new(localhost(address.ip()), port);
        self.connections.insert(id, Connection::new(client, address));
        self.use_port(port);
        self.listening.entry(listener).or_default().push_back(id);
        Ok(ConnectResult::Queued(id))
    }

    fn listener_at(&self, address: SocketAddr) -> Option<SocketAddr> {
        let any = match address.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let candidates = [address, SocketAddr::new(any, address.port())];
        let found = candidates.into_iter().find(|candidate| self.listening.contains_key(candidate));
        found.filter(|_| address.ip().is_loopback())
    }

    /// Takes the connection that has waited longest.
    pub fn accept(&mut self, address: SocketAddr) -> Option<ConnectionId> {
        self.listening.get_mut(&address)?.pop_front()
    }

    /// How many connections wait to be accepted.
    pub fn waiting(&self, address: SocketAddr) -> usize {
        self.listening.get(&address).map_or(0, VecDeque::len)
    }

    /// Whether a listening socket is ready.
    pub fn poll_listener(&self, address: SocketAddr, interest: Interest) -> Readiness {
        match self.waiting(address) {
            waiting if waiting > 0 && interest == Interest::Read => {
                Readiness::Ready { bytes: waiting as u64, hangup: false }
            }
            _ => Readiness::Never,
        }
    }

    /// A connection. `Notconn` if it does not exist, which is a mistake of the caller's.
    pub fn connection(&self, id: ConnectionId) -> Result<&Connection, Errno> {
        self.connections.get(&id).ok_or(Errno::Notconn)
    }

    pub fn read(&mut self, id: ConnectionId, side: Side, buffer: &mut [u8], peek: bool) -> Result<Transfer, Errno> {
        self.connections.get_mut(&id).ok_or(Errno::Notconn)?.read(side, buffer, peek, &mut self.budget)
    }

    pub fn write(&mut self, id: ConnectionId, side: Side, bytes: &[u8]) -> Result<Transfer, Errno> {
        self.connections.get_mut(&id).ok_or(Errno::Notconn)?.write(side, bytes, &mut self.budget)
    }

    pub fn shut(&mut self, id: ConnectionId, side: Side, read: bool, write: bool) -> Result<(), Errno> {
        self.connections.get_mut(&id).ok_or(Errno::Notconn)?.shut(side, read, write)
    }

    pub fn close(&mut self, id: ConnectionId, side: Side) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.close(side, &mut self.budget);
        }
        self.forget_if_over(id);
    }

    fn forget_if_over(&mut self, id: ConnectionId) {
        if self.connections.get(&id).is_some_and(Connection::is_over)
            && let Some(connection) = self.connections.remove(&id)
        {
            self.free(connection.address(Side::Client).port());
            self.budget.give_back(ENTRY_MEMORY);
        }
    }

    /// The next port that nobody uses. The test pays for each port looked at.
    fn free_port(&mut self, meter: &mut Meter) -> Option<u16> {
        for _ in FIRST_FREE_PORT..=u16::MAX {
            meter.charge(meter::ENTRY, 1);
            let port = self.next_port;
            self.next_port = port.checked_add(1).unwrap_or(FIRST_FREE_PORT);
            if !self.ports.contains_key(&port) {
                return Some(port);
            }
        }
        None
    }

    fn use_port(&mut self, port: u16) {
        *self.ports.entry(port).or_default() += 1;
    }

    fn free(&mut self, port: u16) {
        if let Some(users) = self.ports.get_mut(&port) {
            *users -= 1;
            if *users == 0 {
                self.ports.remove(&port);
            }
        }
    }
}

/// Where connecting to the unspecified address leads: to the loopback address.
fn reached_by(ip: IpAddr) -> IpAddr {
    if ip.is_unspecified() { localhost(ip) } else { ip }
}

fn localhost(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}
