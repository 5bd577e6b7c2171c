//! `poll_oneoff`: descriptors that are ready now come first; otherwise the earliest clock fires at once, by moving the
//! virtual clock; only real sockets with no clock beside them are waited for, until the test's deadline.

use super::context::Wasi;
use super::meter::{self, MAX_VECTORS};
use super::object::{Interest, Readiness, Result};
use std::time::Duration;
use wasi_common::snapshots::preview_1::types::{
    Clockid, Errno, Event, EventFdReadwrite, Eventrwflags, Eventtype, Size, Subclockflags, Subscription,
    SubscriptionClock, SubscriptionU, Userdata,
};
use wiggle::{GuestMemory, GuestPtr};

/// How long real sockets are waited for between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

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
        loop {
            let ready = self.ready(wanted)?;
            if !ready.is_empty() {
                return Ok(ready);
            }
            if let Some(fired) = self.earliest_clock(wanted)? {
                return Ok(fired);
            }
            self.world.watch.check()?;
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Events of the descriptors that are ready now, or whose subscription is an error.
    fn ready(&mut self, wanted: &[Subscription]) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        for sub in wanted {
            let (fd, interest, type_) = match &sub.u {
                SubscriptionU::FdRead(sub) => (sub.file_descriptor, Interest::Read, Eventtype::FdRead),
                SubscriptionU::FdWrite(sub) => (sub.file_descriptor, Interest::Write, Eventtype::FdWrite),
                SubscriptionU::Clock(_) => continue,
            };
            let event = match self.table.polled(fd, interest).and_then(|file| file.poll(interest)) {
                Ok(Readiness::NotReady) => continue,
                Ok(Readiness::Ready { bytes, hangup }) => {
                    let flags = if hangup { Eventrwflags::FD_READWRITE_HANGUP } else { Eventrwflags::empty() };
                    event(sub.userdata, type_, Errno::Success, bytes, flags)
                }
                Err(super::fault::Fault::Errno(errno)) => event(sub.userdata, type_, errno, 0, Eventrwflags::empty()),
                Err(trap) => return Err(trap),
            };
            events.push(event);
        }
        Ok(events)
    }

    /// Moves the clock to the earliest deadline and fires every clock that is due by then.
    fn earliest_clock(&mut self, wanted: &[Subscription]) -> Result<Option<Vec<Event>>> {
        let mut clocks = Vec::new();
        for sub in wanted {
            if let SubscriptionU::Clock(clock) = &sub.u {
                clocks.push((self.nanos_until(clock)?, sub.userdata));
            }
        }
        let Some(earliest) = clocks.iter().map(|(nanos, _)| *nanos).min() else { return Ok(None) };
        self.world.clock.sleep(earliest);
        let due = clocks.into_iter().filter(|(nanos, _)| *nanos <= earliest);
        let fire = |(_, userdata)| event(userdata, Eventtype::Clock, Errno::Success, 0, Eventrwflags::empty());
        Ok(Some(due.map(fire).collect()))
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
}

fn event(userdata: Userdata, type_: Eventtype, error: Errno, nbytes: u64, flags: Eventrwflags) -> Event {
    Event { userdata, error, type_, fd_readwrite: EventFdReadwrite { nbytes, flags } }
}
