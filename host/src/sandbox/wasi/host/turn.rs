//! Addresses of the host at which only one socket can listen at a time. Tests that are granted the same address take turns,
//! so their results do not depend on how many run at once. Other processes are not waited for.

use crate::policy::{SocketGrant, SocketSource};
use crate::sandbox::wasi::watchdog::Watchdog;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a test waits before it looks whether the run was interrupted.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum ListenPoint {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// The addresses at which tests of this process listen. All runs in the process share the host's addresses.
static TAKEN: Mutex<BTreeSet<ListenPoint>> = Mutex::new(BTreeSet::new());
static FREED: Condvar = Condvar::new();

/// The right to listen at the addresses of a policy, until the value is dropped.
#[derive(Debug, Default)]
pub struct ListenTurn(BTreeSet<ListenPoint>);

impl ListenTurn {
    /// Waits until no other test holds one of the addresses. All are taken together, so no test waits while it holds some.
    /// If the run is interrupted, the right is to none.
    pub fn take(sockets: &[SocketGrant], watchdog: &Watchdog) -> Self {
        let wanted: BTreeSet<_> = sockets.iter().filter_map(|grant| place(&grant.source)).collect();
        if wanted.is_empty() {
            return Self::default();
        }
        let mut taken = taken();
        while !taken.is_disjoint(&wanted) {
            if watchdog.is_interrupted() {
                return Self::default();
            }
            taken = FREED.wait_timeout(taken, LOOK_AGAIN).unwrap_or_else(PoisonError::into_inner).0;
        }
        taken.extend(wanted.iter().cloned());
        Self(wanted)
    }
}

impl Drop for ListenTurn {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            taken().retain(|place| !self.0.contains(place));
            FREED.notify_all();
        }
    }
}

fn taken() -> MutexGuard<'static, BTreeSet<ListenPoint>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a socket listens, if no other socket can listen there meanwhile.
fn place(source: &SocketSource) -> Option<ListenPoint> {
    match source {
        SocketSource::Listen(address) => (address.port() != 0).then_some(ListenPoint::Tcp(*address)),
        SocketSource::ListenUnix(path) => Some(ListenPoint::Unix(path.clone())),
        SocketSource::Connect(_) | SocketSource::ConnectUnix(_) | SocketSource::ConnectTo(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Instant;

    fn watchdog() -> Watchdog {
        Watchdog { deadline: Instant::now() + Duration::from_secs(60), interrupted: std::sync::Arc::default() }
    }

    fn grants(paths: &[&str]) -> Vec<SocketGrant> {
        let grant = |path: &&str| SocketGrant {
            name: (*path).to_owned(),
            source: SocketSource::ListenUnix(path.into()),
            on_request: false,
        };
        paths.iter().map(grant).collect()
    }

    #[test]
    fn who_shares_an_address_takes_turns_and_nobody_waits_for_ever() {
        static AT_ONCE: AtomicU32 = AtomicU32::new(0);
        std::thread::scope(|scope| {
            // Each pair of tests shares one path, in different orders.
            for paths in
                [["/turn/a", "/turn/b"], ["/turn/b", "/turn/c"], ["/turn/c", "/turn/b"], ["/turn/b", "/turn/a"]]
            {
                scope.spawn(move || {
                    for _ in 0..50 {
                        let turn = ListenTurn::take(&grants(&paths), &watchdog());
                        assert_eq!(AT_ONCE.fetch_add(1, Ordering::SeqCst), 0, "two listen at /turn/b");
                        std::thread::yield_now();
                        AT_ONCE.fetch_sub(1, Ordering::SeqCst);
                        drop(turn);
                    }
                });
            }
        });
    }

    #[test]
    fn an_interrupted_run_waits_for_nobody() {
        let held = ListenTurn::take(&grants(&["/turn/held"]), &watchdog());
        let watchdog = watchdog();
        watchdog.interrupted.store(true, Ordering::Relaxed);
        assert!(ListenTurn::take(&grants(&["/turn/held"]), &watchdog).0.is_empty());
        drop(held);
    }
}
