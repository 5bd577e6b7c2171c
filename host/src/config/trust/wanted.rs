//! Finds the grants of a profile that need the user's word: those that grant something of the machine beyond the workspace.

use super::allowance::{Address, Allowance};
use super::given::Wanted;
use crate::config::profile::{Override, Requestable};
use crate::policy::{Clock, ClockPatch, DirGrant, Mode, Policy, SocketGrant, SocketSource};
use std::path::Path;

/// The grants of a profile, of the workspace at `root`, that need the user's word.
pub(in crate::config) fn wanted(
    profile: &str,
    root: &Path,
    (policy, requestable, overrides): (&Policy, &Requestable, &[Override]),
) -> Vec<Wanted> {
    let place = format!("profile `{profile}`");
    let dirs = policy.dirs.iter().chain(&requestable.dirs).filter_map(|dir| of_dir(dir, root));
    let sockets = policy.sockets.iter().chain(&requestable.sockets).filter_map(of_socket);
    let outbound = policy
        .outbound
        .iter()
        .map(|address| (format!("tests may connect to {address}"), Allowance::Outbound(*address), None));
    let real = policy.clock == Clock::Real;
    let clock = real.then(|| ("tests see the host's clocks".to_owned(), Allowance::RealClock, None));
    let some = overrides
        .iter()
        .filter(|change| !real && change.patch.clock == Some(ClockPatch::Real))
        .map(|change| (format!("tests of `{}` see the host's clocks", change.pattern()), Allowance::RealClock, None));
    let all = dirs.chain(sockets).chain(outbound).chain(clock).chain(some);
    all.map(|(what, allowance, guest)| Wanted { place: place.clone(), what, allowance, guest }).collect()
}

type Described = (String, Allowance, Option<String>);

fn of_dir(dir: &DirGrant, root: &Path) -> Option<Described> {
    if dir.host.starts_with(root) {
        return None;
    }
    let write = dir.mode == Mode::ReadWrite;
    let mode = match dir.mode {
        Mode::ReadOnly => "read-only",
        Mode::Overlay => "as an overlay",
        Mode::ReadWrite => "read-write",
        // It is not a directory of the host.
        Mode::Devices => return None,
    };
    let what = format!("{} is granted as {}, {mode}", dir.host.display(), dir.guest);
    let guest = dir.name.is_none().then(|| dir.guest.clone());
    Some((what, Allowance::Dir { path: dir.host.clone(), write }, guest))
}

fn of_socket(socket: &SocketGrant) -> Option<Described> {
    let allowance = match &socket.source {
        // The system chooses the port, so that nobody else can know it in advance.
        SocketSource::Listen(address) if address.port() == 0 && address.ip().is_loopback() => return None,
        SocketSource::ConnectTo(_) => return None,
        SocketSource::Listen(address) => Allowance::Listen(Address::Tcp(*address)),
        SocketSource::ListenUnix(path) => Allowance::Listen(Address::Unix(path.clone())),
        SocketSource::Connect(address) => Allowance::Connect(Address::Tcp(*address)),
        SocketSource::ConnectUnix(path) => Allowance::Connect(Address::Unix(path.clone())),
    };
    let what = match &allowance {
        Allowance::Listen(address) => format!("socket `{}` listens on {address}", socket.name),
        Allowance::Connect(address) => format!("socket `{}` is connected to {address}", socket.name),
        _ => return None,
    };
    Some((what, allowance, None))
}
