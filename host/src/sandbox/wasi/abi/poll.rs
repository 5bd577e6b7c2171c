//! `poll_oneoff` gives every event that is ready or due now, in the order of the subscriptions. If there is none, sockets
//! of the host get real time to become ready, up to the time of the earliest clock. Then that clock fires: virtual time is
//! moved there, or real time has come there. A wait for nothing but the test's own network would never end: the test ends
//! instead. In a test with threads another thread may run meanwhile, so such a wait is not waited for here.

use super::alarms::{Alarms, event};
use crate::ledger::Stack;
use crate::sandbox::stop::WallClock;
use crate::sandbox::wasi::context::Wasi;
use crate::sandbox::wasi::fault::{Fault, Until};
use crate::sandbox::wasi::meter::{self, MAX_VECTORS};
use crate::sandbox::wasi::table::{DescriptorEntry, Interest, Readiness, Result};
use crate::sandbox::wasi::waiting::{BlockedWait, Wait};
use std::time::{Duration, Instant};
use wasi_common::snapshots::preview_1::types::{
    Errno, Event, Eventrwflags, Eventtype, Fd, Size, Subscription, SubscriptionU,
};
use wiggle::{GuestMemory, GuestPtr};

/// How long to wait for sockets of the host between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// How many sockets a message names; the rest are counted.
const NAMED: usize = 4;

/// What one look at the descriptors of a poll found.
#[derive(Default)]
struct Look {
    /// Events of the subscriptions that are ready or erroneous, each with the index of its subscription.
    events: Vec<(usize, Event)>,
    /// Whether something outside of the test may make another subscription ready.
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
        let began = self.began.unwrap_or(self.world.clock.elapsed());
        let alarms = Alarms::new(wanted, &self.world.clock, began);
        // A time too far away for the host's clock never comes: the test's deadline comes first.
        let give_up = alarms.wait(&self.world.clock).and_then(|wait| Instant::now().checked_add(wait));
        loop {
            let look = self.look(wanted)?;
            let mut events = look.events;
            events.extend(alarms.fired(&self.world.clock));
            if !events.is_empty() {
                events.sort_by_key(|(index, _)| *index);
                return Ok(events.into_iter().map(|(_, event)| event).collect());
            }
            if let (true, false, Some(due)) = (self.has_threads, look.outside, alarms.earliest()) {
                let waits = wanted.iter().any(|sub| descriptor(sub).is_some());
                let sockets = waits.then_some(BlockedWait { wait: Wait::Readiness, forever: false });
                let sockets = sockets.map(|wait| wait.named(&self.named(wanted).0, None).message);
                return Err(Until { due, sockets }.into());
            }
            let rest = give_up.map(|at| at.saturating_duration_since(Instant::now()));
            match alarms.earliest() {
                Some(due) if !self.world.clock.is_real() && (!look.outside || rest == Some(Duration::ZERO)) => {
                    self.world.clock.sleep_until(due);
                    continue;
                }
                None if !look.outside => return Err(self.stuck(wanted, true)),
                _ => {}
            }
            let longest = if look.outside { LOOK_AGAIN } else { Duration::MAX };
            if let Err(ended) = self.world.watchdog.pause(rest.unwrap_or(longest).min(longest)) {
                return Err(self.ended(wanted, ended));
            }
            self.world.clock.look();
        }
    }

    /// The end of a wait by the wall clock. If the wait was for sockets, the fault names them.
    fn ended(&self, wanted: &[Subscription], ended: WallClock) -> Fault {
        let fault = Fault::from(ended);
        if wanted.iter().all(|sub| descriptor(sub).is_none()) {
            return fault;
        }
        let fault = fault.while_waiting(Wait::Readiness);
        if matches!(fault, Fault::Waiting(_)) { self.stuck(wanted, false) } else { fault }
    }

    fn look(&mut self, wanted: &[Subscription]) -> Result<Look> {
        let mut look = Look::default();
        for (index, sub) in wanted.iter().enumerate() {
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
            look.events.push((index, event));
        }
        Ok(look)
    }

    /// The end of a test that waits for sockets, with their names. The stack is where the first of them was acquired.
    fn stuck(&self, wanted: &[Subscription], forever: bool) -> Fault {
        let (names, acquired) = self.named(wanted);
        BlockedWait { wait: Wait::Readiness, forever }.named(&names, acquired).into()
    }

    /// The names of the descriptors that the poll waits for, and where the first was acquired.
    fn named(&self, wanted: &[Subscription]) -> (String, Option<Stack>) {
        let mut entries: Vec<(Fd, &DescriptorEntry)> = Vec::new();
        for (fd, ..) in wanted.iter().filter_map(descriptor) {
            if let Ok(entry) = self.table.get(fd)
                && entries.iter().all(|(_, known)| known.id != entry.id)
            {
                entries.push((fd, entry));
            }
        }
        let mut names: Vec<_> = entries.iter().take(NAMED).map(|(fd, entry)| entry.named_at(*fd)).collect();
        if entries.len() > NAMED {
            names.push(format!("{} more", entries.len() - NAMED));
        }
        let first = entries.first().and_then(|(_, entry)| self.ledger.get(entry.id));
        (names.join(" or "), first.and_then(|handle| handle.stack.clone()))
    }
}

/// The descriptor that a subscription is about; `None` for a subscription to a clock.
fn descriptor(sub: &Subscription) -> Option<(Fd, Interest, Eventtype)> {
    match &sub.u {
        SubscriptionU::FdRead(sub) => Some((sub.file_descriptor, Interest::Read, Eventtype::FdRead)),
        SubscriptionU::FdWrite(sub) => Some((sub.file_descriptor, Interest::Write, Eventtype::FdWrite)),
        SubscriptionU::Clock(_) => None,
    }
}
