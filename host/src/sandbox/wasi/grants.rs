//! A policy made ready once a run: granted directories opened, environment and names in the form each test needs them.

use super::host_dir::HostDir;
use super::host_socket::{Listener, Stream};
use super::object::{Dir, File};
use super::scratch::Lower;
use super::scratch_object::ScratchDir;
use super::world::World;
use crate::policy::{DirGrant, Mode, Policy, SocketSource};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use wasi_common::snapshots::preview_1::types::Fdflags;

/// Where the scratch file system is.
pub const SCRATCH_PATH: &str = "/tmp";

/// How long connecting to a granted address may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A policy, ready for any number of tests.
pub struct Grants {
    pub(crate) policy: Arc<Policy>,
    pub(super) scratch: Arc<dyn Dir>,
    pub(super) dirs: Vec<GrantedDir>,
    pub(super) env: Vec<String>,
    pub(super) stdin: Arc<[u8]>,
    pub(super) names: Arc<Names>,
}

/// A granted socket under its name.
type NamedSocket = (Arc<str>, Box<dyn File>);

/// Names that every test shares.
pub(super) struct Names {
    pub stdin: Arc<str>,
    pub stdout: Arc<str>,
    pub stderr: Arc<str>,
    pub scratch: Arc<str>,
}

pub(super) struct GrantedDir {
    pub guest: Arc<str>,
    pub report_as: Arc<str>,
    pub dir: Arc<dyn Dir>,
}

/// A grant that cannot be given.
#[derive(Debug, thiserror::Error)]
#[error("the directory granted as `{guest}` cannot be opened: {}: {source}", host.display())]
pub struct GrantError {
    guest: String,
    host: PathBuf,
    source: std::io::Error,
}

fn open(grant: &DirGrant) -> std::io::Result<Arc<dyn Dir>> {
    let dir = || cap_std::fs::Dir::open_ambient_dir(&grant.host, cap_std::ambient_authority());
    Ok(match grant.mode {
        Mode::ReadOnly => Arc::new(HostDir::root(dir()?, false)),
        Mode::ReadWrite => Arc::new(HostDir::root(dir()?, true)),
        Mode::Overlay => Arc::new(ScratchDir::Overlay(Lower::open(&grant.host)?)),
    })
}

impl Grants {
    /// Opens what the policy grants.
    ///
    /// # Errors
    /// A granted directory cannot be opened.
    pub fn new(policy: Arc<Policy>) -> Result<Self, GrantError> {
        let mut dirs: Vec<GrantedDir> = Vec::with_capacity(policy.dirs.len());
        for (index, grant) in policy.dirs.iter().enumerate() {
            // A directory that is granted under two names is one overlay: what is written under one is seen under the other.
            let same = |other: &DirGrant| {
                grant.mode == Mode::Overlay && (other.mode, &other.host) == (grant.mode, &grant.host)
            };
            let dir = match policy.dirs[..index].iter().position(same) {
                Some(other) => Arc::clone(&dirs[other].dir),
                None => open(grant).map_err(|source| GrantError {
                    guest: grant.guest.clone(),
                    host: grant.host.clone(),
                    source,
                })?,
            };
            dirs.push(GrantedDir {
                guest: grant.guest.as_str().into(),
                report_as: grant.alias_of.as_ref().unwrap_or(&grant.guest).as_str().into(),
                dir,
            });
        }
        let env = policy.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let names = Names {
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

    /// The policy behind it.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// The granted sockets, opened for one test.
    pub(super) fn open_sockets(&self, world: &mut World) -> std::io::Result<Vec<NamedSocket>> {
        let mut listening: BTreeMap<&str, SocketAddr> = BTreeMap::new();
        let mut listeners = BTreeMap::new();
        for grant in &self.policy.sockets {
            if let SocketSource::Listen(address) = grant.source {
                let socket = TcpListener::bind(address)?;
                listening.insert(&grant.name, socket.local_addr()?);
                listeners.insert(grant.name.as_str(), Listener::new(socket, world.host.track())?);
            }
        }
        let mut opened: Vec<NamedSocket> = Vec::new();
        for grant in &self.policy.sockets {
            let address = match &grant.source {
                SocketSource::Listen(_) => {
                    if let Some(listener) = listeners.remove(grant.name.as_str()) {
                        opened.push((grant.name.as_str().into(), Box::new(listener)));
                    }
                    continue;
                }
                SocketSource::Connect(address) => *address,
                SocketSource::ConnectTo(name) => *listening.get(name.as_str()).ok_or_else(|| {
                    std::io::Error::other(format!(
                        "socket `{}` connects to `{name}`, which this test is not granted",
                        grant.name
                    ))
                })?,
            };
            let socket = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
            let stream = Stream::new(socket, Fdflags::empty(), world.host.track())?;
            opened.push((grant.name.as_str().into(), Box::new(stream)));
        }
        Ok(opened)
    }
}
