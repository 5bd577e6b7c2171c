//! A policy, made ready once a run: granted directories are opened, and environment and names have the form that each test
//! needs.

use super::devices::Devices;
use super::host::HostDir;
use super::host::socket::{Listener, Stream};
use super::scratch::Lower;
use super::scratch::ScratchDir;
use super::table::{Dir, File};
use super::world::World;
use crate::policy::{DirGrant, Mode, Policy, SocketGrant, SocketSource};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Where the scratch file system is.
pub const SCRATCH_PATH: &str = "/tmp";

/// How long connecting to a granted address may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A policy, ready for any number of tests.
#[derive(Clone)]
pub struct Grants {
    pub(crate) policy: Arc<Policy>,
    pub(super) scratch: Arc<dyn Dir>,
    pub(super) dirs: Vec<GrantedDir>,
    pub(super) env: Vec<String>,
    pub(super) stdin: Arc<[u8]>,
    pub(super) names: Arc<GrantNames>,
}

/// A granted socket under its name.
type NamedSocket = (Arc<str>, Box<dyn File>);

/// Names that all tests share.
pub(super) struct GrantNames {
    pub stdin: Arc<str>,
    pub stdout: Arc<str>,
    pub stderr: Arc<str>,
    pub scratch: Arc<str>,
}

#[derive(Clone)]
pub(super) struct GrantedDir {
    pub guest: Arc<str>,
    pub report_as: Arc<str>,
    pub dir: Arc<dyn Dir>,
    /// The directory below, if this is the first name of an overlay.
    pub overlay: Option<Overlay>,
}

/// A directory of the host whose changes stay in memory.
#[derive(Clone)]
pub(super) struct Overlay {
    pub lower: Lower,
    pub host: Arc<Path>,
}

/// A directory that cannot be granted.
#[derive(Debug, thiserror::Error)]
#[error("the directory granted as `{guest}` cannot be opened: {}: {why}", host.display())]
pub struct GrantError {
    guest: String,
    host: PathBuf,
    /// Not the error's source: the message includes it.
    why: std::io::Error,
}

fn open(grant: &DirGrant) -> std::io::Result<(Arc<dyn Dir>, Option<Overlay>)> {
    Ok(match grant.mode {
        Mode::ReadOnly => (Arc::new(HostDir::root(&grant.host, false)?), None),
        Mode::ReadWrite => (Arc::new(HostDir::root(&grant.host, true)?), None),
        Mode::Overlay => {
            let lower = Lower::open(&grant.host)?;
            let overlay = Overlay { lower: lower.clone(), host: grant.host.as_path().into() };
            (Arc::new(ScratchDir::Overlay(lower)), Some(overlay))
        }
        Mode::Devices if grant.guest == "/" => (Arc::new(Devices::Root), None),
        Mode::Devices => (Arc::new(Devices::Dev), None),
    })
}

/// A granted socket that cannot be opened for a test. The message names the grant alone, since all else differs between
/// hosts.
#[derive(Debug, thiserror::Error)]
#[error("the granted socket `{name}` cannot be opened: {why}")]
pub struct SocketError {
    name: String,
    why: SocketFault,
}

#[derive(Debug, thiserror::Error)]
enum SocketFault {
    #[error("the file to listen on exists, and is not replaced; remove it, or write another path after `unix:`")]
    Exists,
    #[error("it connects to `{0}`, which this test is not granted")]
    NoListener(String),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The address to connect to for a listening socket of the same test.
enum ListenAddress<'a> {
    /// The address that it has now, and whether the policy fixes the port.
    Tcp(SocketAddr, bool),
    Unix(&'a Path),
}

impl Grants {
    /// Opens what the policy grants.
    ///
    /// # Errors
    /// A granted directory cannot be opened.
    pub fn new(policy: Arc<Policy>) -> Result<Self, GrantError> {
        let mut dirs: Vec<GrantedDir> = Vec::with_capacity(policy.dirs.len());
        for (index, grant) in policy.dirs.iter().enumerate() {
            // A directory granted under two names is one overlay: what is written under one name is seen under the other.
            let same = |other: &DirGrant| {
                grant.mode == Mode::Overlay && (other.mode, &other.host) == (grant.mode, &grant.host)
            };
            let (dir, overlay) = match policy.dirs[..index].iter().position(same) {
                Some(other) => (Arc::clone(&dirs[other].dir), None),
                None => open(grant).map_err(|why| GrantError {
                    guest: grant.guest.clone(),
                    host: grant.host.clone(),
                    why,
                })?,
            };
            dirs.push(GrantedDir {
                guest: grant.guest.as_str().into(),
                report_as: grant.alias_of.as_ref().unwrap_or(&grant.guest).as_str().into(),
                dir,
                overlay,
            });
        }
        let env = policy.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let names = GrantNames {
            stdin: "<stdin>".into(),
            stdout: "<stdout>".into(),
            stderr: "<stderr>".into(),
            scratch: SCRATCH_PATH.into(),
        };
        Ok(Self {
            scratch: Arc::new(ScratchDir::Scratch),
            dirs,
            env,
            stdin: policy.stdin.as_slice().into(),
            names: Arc::new(names),
            policy,
        })
    }

    /// The same grants under another policy, which differs in limits alone.
    pub(crate) fn under(&self, policy: &Arc<Policy>) -> Self {
        Self { policy: Arc::clone(policy), ..self.clone() }
    }

    /// The policy of these grants.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Opens the granted sockets for one test: those that listen first, so that the others find them.
    pub(super) fn open_sockets(&self, world: &mut World) -> Result<Vec<NamedSocket>, SocketError> {
        let mut listening = BTreeMap::new();
        let mut opened = BTreeMap::new();
        let failed = |grant: &SocketGrant, why| SocketError { name: grant.name.clone(), why };
        for (nth, grant) in self.policy.sockets.iter().enumerate() {
            let socket = listen(grant, world, &mut listening).map_err(|why| failed(grant, why))?;
            opened.extend(socket.map(|socket| (nth, socket)));
        }
        for (nth, grant) in self.policy.sockets.iter().enumerate() {
            let socket = connect(grant, world, &listening).map_err(|why| failed(grant, why))?;
            opened.extend(socket.map(|socket| (nth, socket)));
        }
        let named = opened.into_iter().map(|(nth, socket)| (self.policy.sockets[nth].name.as_str().into(), socket));
        Ok(named.collect())
    }
}

/// Opens the socket of a grant that listens.
fn listen<'a>(
    grant: &'a SocketGrant,
    world: &mut World,
    listening: &mut BTreeMap<&'a str, ListenAddress<'a>>,
) -> Result<Option<Box<dyn File>>, SocketFault> {
    let (listener, at) = match &grant.source {
        SocketSource::Listen(address) => {
            let (listener, bound) = Listener::tcp(*address, world.host.track())?;
            (listener, ListenAddress::Tcp(bound, address.port() != 0))
        }
        SocketSource::ListenUnix(path) => {
            let listener = Listener::unix(path, world.host.track()).map_err(|error| match error.kind() {
                ErrorKind::AddrInUse => SocketFault::Exists,
                _ => error.into(),
            })?;
            (listener, ListenAddress::Unix(path))
        }
        SocketSource::Connect(_) | SocketSource::ConnectUnix(_) | SocketSource::ConnectTo(_) => return Ok(None),
    };
    listening.insert(&grant.name, at);
    Ok(Some(Box::new(listener)))
}

/// Opens the socket of a grant that connects.
fn connect(
    grant: &SocketGrant,
    world: &mut World,
    listening: &BTreeMap<&str, ListenAddress<'_>>,
) -> Result<Option<Box<dyn File>>, SocketFault> {
    let tracked = world.host.track();
    let stream = match &grant.source {
        SocketSource::Listen(_) | SocketSource::ListenUnix(_) => return Ok(None),
        SocketSource::Connect(address) => Stream::tcp(*address, Some(*address), CONNECT_TIMEOUT, tracked)?,
        SocketSource::ConnectUnix(path) => Stream::unix(path, CONNECT_TIMEOUT, tracked)?,
        SocketSource::ConnectTo(name) => match listening.get(name.as_str()) {
            Some(ListenAddress::Tcp(address, fixed)) => {
                Stream::tcp(*address, fixed.then_some(*address), CONNECT_TIMEOUT, tracked)?
            }
            Some(ListenAddress::Unix(path)) => Stream::unix(path, CONNECT_TIMEOUT, tracked)?,
            None => return Err(SocketFault::NoListener(name.clone())),
        },
    };
    Ok(Some(Box::new(stream)))
}
