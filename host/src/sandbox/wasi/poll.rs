//! `poll_oneoff`. What is ready now comes first. Otherwise sockets of the host are given real time to become ready, up to
//! what the earliest clock asks for; then that clock fires, by moving the virtual clock. With nothing to wait for but the
//! test's own network the wait would never end: the test ends instead.

use super::context::Wasi;
use super::fault::Fault;
use super::meter::{self, MAX_VECTORS};
use super::object::{Interest, Readiness, Result};
use super::waiting::{Stuck, Wait};
use std::time::{Duration, Instant};
use wasi_common::snapshots::preview_1::types::{
    Clockid, Errno, Event, EventFdReadwrite, Eventrwflags, Eventtype, Fd, Size, Subclockflags, Subscription,
    SubscriptionClock, SubscriptionU, Userdata,
};
use wiggle::{GuestMemory, GuestPtr};

/// How long sockets of the host are waited for between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Sockets named in a message; the rest are counted.
const NAMED: usize = 4;

/// What one look at the descriptors found.
#[derive(Default)]
struct Look {
    /// Events of those that are ready, or whose subscription is an error.
    events: Vec<Event>,
    /// Whether something outside of the test may make one of the others ready.
    outside: bool,
}

impl Wasi {
    pub(super) fn poll(
        &mut self,
        memory: &mut GuestMemory<'_>,
        subs: GuestPtr<Subscription>,
        events: GuestPtr<Event>,
        count: Size,
    ) -> Result<Size> {
        if count == 0 || count > MAX_VECTORS {
            return Err(Errno::Inval.into());
        }
        self.world.meter.charge(meter::ENTRY, count as usize);
        let mut wanted = Vec::with_capacity(count as usize);
        for sub in subs.as_array(count).iter() {
            wanted.push(memory.read(sub?)?);
        }
        let fired = self.wait_for(&wanted)?;
        let written = u32::try_from(fired.len())?;
        for (event, at) in fired.into_iter().zip(events.as_array(count).iter()) {
            memory.write(at?, event)?;
        }
        Ok(written)
    }

    fn wait_for(&mut self, wanted: &[Subscription]) -> Result<Vec<Event>> {
        let earliest = self.earliest_clock(wanted)?;
        let began = Instant::now();
        // A clock that is too far away for the host's is no clock: the test's deadline comes first.
        let give_up = earliest.and_then(|nanos| began.checked_add(Duration::from_nanos(nanos)));
        loop {
            let look = self.look(wanted)?;
            if !look.events.is_empty() {
                return Ok(look.events);
            }
            match earliest {
                Some(nanos) if !look.outside || give_up.is_some_and(|at| Instant::now() >= at) => {
                    return self.fire(wanted, nanos);
                }
                None if !look.outside => return Err(self.stuck(wanted, true)),
                _ => {}
            }
            if let Err(ended) = self.world.watch.check() {
                let fault = Fault::from(ended).while_waiting(Wait::Readiness);
                return Err(if matches!(fault, Fault::Waiting(_)) { self.stuck(wanted, false) } else { fault });
            }
            let rest = give_up.map_or(LOOK_AGAIN, |at| at.saturating_duration_since(Instant::now()));
            std::thread::sleep(rest.min(LOOK_AGAIN));
        }
    }

    fn look(&mut self, wanted: &[Subscription]) -> Result<Look> {
        let mut look = Look::default();
        for sub in wanted {
            let Some((fd, interest, type_)) = descriptor(sub) else { continue };
            let event = match self.table.polled(fd, interest).and_then(|file| file.poll(&mut self.world, interest)) {
                Ok(Readiness::Never) => continue,
                Ok(Readiness::NotReady) => {
                    look.outside = true;
                    continue;
                }
                Ok(Readiness::Ready { bytes, hangup }) => {
                    let flags = if hangup { Eventrwflags::FD_READWRITE_HANGUP } else { Eventrwflags::empty() };
                    event(sub.userdata, type_, Errno::Success, bytes, flags)
                }
                Err(Fault::Errno(errno)) => event(sub.userdata, type_, errno, 0, Eventrwflags::empty()),
                Err(fault) => return Err(fault),
            };
            look.events.push(event);
        }
        Ok(look)
    }

    /// Nanoseconds until the earliest clock.
    fn earliest_clock(&self, wanted: &[Subscription]) -> Result<Option<u64>> {
        let mut earliest: Option<u64> = None;
        for sub in wanted {
            if let SubscriptionU::Clock(clock) = &sub.u {
                let nanos = self.nanos_until(clock)?;
                earliest = Some(earliest.map_or(nanos, |earliest| earliest.min(nanos)));
            }
        }
        Ok(earliest)
    }

    /// Fires every clock that is due in so many nanoseconds, and moves the clock there.
    fn fire(&mut self, wanted: &[Subscription], nanos: u64) -> Result<Vec<Event>> {
        let mut fired = Vec::new();
        for sub in wanted {
            if let SubscriptionU::Clock(clock) = &sub.u
                && self.nanos_until(clock)? <= nanos
            {
                fired.push(event(sub.userdata, Eventtype::Clock, Errno::Success, 0, Eventrwflags::empty()));
            }
        }
        self.world.clock.sleep(nanos);
        Ok(fired)
    }

    fn nanos_until(&self, sub: &SubscriptionClock) -> Result<u64> {
        if !sub.flags.contains(Subclockflags::SUBSCRIPTION_CLOCK_ABSTIME) {
            return Ok(sub.timeout);
        }
        let now = match sub.id {
            Clockid::Realtime => self.world.clock.realtime(),
            Clockid::Monotonic => self.world.clock.monotonic(),
            Clockid::ProcessCputimeId | Clockid::ThreadCputimeId => return Err(Errno::Notsup.into()),
        };
        Ok(sub.timeout.saturating_sub(now))
    }

    /// The end of a test that waits for sockets, with their names; the first tells where it was acquired.
    fn stuck(&self, wanted: &[Subscription], forever: bool) -> Fault {
        let mut fds: Vec<Fd> = wanted.iter().filter_map(descriptor).map(|(fd, ..)| fd).collect();
        let mut seen = Vec::new();
        fds.retain(|fd| {
            !seen.contains(fd) && {
                seen.push(*fd);
                true
            }
        });
        let entries: Vec<_> = fds.iter().filter_map(|fd| Some((fd, self.table.get(*fd).ok()?))).collect();
        let mut names: Vec<_> =
            entries.iter().take(NAMED).map(|(fd, entry)| format!("{} (fd {fd})", entry.path)).collect();
        if entries.len() > NAMED {
            names.push(format!("{} more", entries.len() - NAMED));
        }
        let first = entries.first().and_then(|(_, entry)| self.ledger.get(entry.id));
        let stuck = Stuck { wait: Wait::Readiness, forever };
        Fault::Trap(stuck.named(&names.join(" or "), first.and_then(|handle| handle.stack.clone())).into())
    }
}

/// The descriptor of a subscription that is no clock.
fn descriptor(sub: &Subscription) -> Option<(Fd, Interest, Eventtype)> {
    match &sub.u {
        SubscriptionU::FdRead(sub) => Some((sub.file_descriptor, Interest::Read, Eventtype::FdRead)),
        SubscriptionU::FdWrite(sub) => Some((sub.file_descriptor, Interest::Write, Eventtype::FdWrite)),
        SubscriptionU::Clock(_) => None,
    }
}

fn event(userdata: Userdata, type_: Eventtype, error: Errno, nbytes: u64, flags: Eventrwflags) -> Event {
    Event { userdata, error, type_, fd_readwrite: EventFdReadwrite { nbytes, flags } }
}
