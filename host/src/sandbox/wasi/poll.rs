//! `poll_oneoff`: tells all that is ready or due now, in the order of the subscriptions. Where nothing is, virtual time moves
//! to the earliest clock at once; real time, and real sockets with no clock beside them, are waited for, until the test's
//! deadline.

use super::alarms::Alarms;
use super::context::Wasi;
use super::meter::{self, MAX_VECTORS};
use super::object::{Interest, Readiness, Result};
use std::time::Duration;
use wasi_common::snapshots::preview_1::types::{
    Errno, Event, EventFdReadwrite, Eventrwflags, Eventtype, Size, Subscription, SubscriptionU, Userdata,
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
        let alarms = Alarms::new(wanted, &self.world.clock);
        loop {
            let mut fired = self.ready(wanted)?;
            fired.extend(alarms.fired(&self.world.clock));
            if !fired.is_empty() {
                fired.sort_by_key(|(index, _)| *index);
                return Ok(fired.into_iter().map(|(_, event)| event).collect());
            }
            match alarms.earliest() {
                Some(due) if !self.world.clock.is_real() => self.world.clock.sleep_until(due),
                _ => self.look_again(wanted, &alarms)?,
            }
        }
    }

    /// Waits in real time, for a little while, for what is outside of the test.
    fn look_again(&mut self, wanted: &[Subscription], alarms: &Alarms) -> Result<()> {
        let only_clocks = wanted.iter().all(|sub| matches!(sub.u, SubscriptionU::Clock(_)));
        let longest = if only_clocks { Duration::MAX } else { LOOK_AGAIN };
        let wait = alarms.wait(&self.world.clock).unwrap_or(longest);
        self.world.watch.pause(wait.min(longest))?;
        self.world.clock.look();
        Ok(())
    }

    /// Events of the descriptors that are ready now, or whose subscription is an error, each with its place among the
    /// subscriptions.
    fn ready(&mut self, wanted: &[Subscription]) -> Result<Vec<(usize, Event)>> {
        let mut events = Vec::new();
        for (index, sub) in wanted.iter().enumerate() {
            let (fd, interest, type_) = match &sub.u {
                SubscriptionU::FdRead(sub) => (sub.file_descriptor, Interest::Read, Eventtype::FdRead),
                SubscriptionU::FdWrite(sub) => (sub.file_descriptor, Interest::Write, Eventtype::FdWrite),
                SubscriptionU::Clock(_) => continue,
            };
            let event = match self.table.file(fd).and_then(|file| file.poll(interest)) {
                Ok(Readiness::NotReady) => continue,
                Ok(Readiness::Ready { bytes, hangup }) => {
                    let flags = if hangup { Eventrwflags::FD_READWRITE_HANGUP } else { Eventrwflags::empty() };
                    event(sub.userdata, type_, Errno::Success, bytes, flags)
                }
                Err(super::fault::Fault::Errno(errno)) => event(sub.userdata, type_, errno, 0, Eventrwflags::empty()),
                Err(trap) => return Err(trap),
            };
            events.push((index, event));
        }
        Ok(events)
    }
}

pub(super) fn event(userdata: Userdata, type_: Eventtype, error: Errno, nbytes: u64, flags: Eventrwflags) -> Event {
    Event { userdata, error, type_, fd_readwrite: EventFdReadwrite { nbytes, flags } }
}
