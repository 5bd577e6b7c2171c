//! The subscriptions of a poll that are clocks.

use crate::sandbox::wasi::clock::Clock;
use std::time::Duration;
use wasi_common::snapshots::preview_1::types::{
    Clockid, Errno, Event, EventFdReadwrite, Eventrwflags, Eventtype, Subclockflags, Subscription, SubscriptionClock,
    SubscriptionU, Userdata,
};

/// When each clock subscription is due. It is computed once for each poll, because a relative time counts from the call.
pub struct Alarms(Vec<Alarm>);

struct Alarm {
    /// The index of the subscription.
    index: usize,
    userdata: u64,
    /// When the alarm is due, in nanoseconds after the test began. An error is an event at once.
    due: Result<u64, Errno>,
}

impl Alarms {
    /// The alarms of a poll that began `began` nanoseconds after the test.
    pub fn new(wanted: &[Subscription], clock: &Clock, began: u64) -> Self {
        let alarms = wanted.iter().enumerate().filter_map(|(index, sub)| match &sub.u {
            SubscriptionU::Clock(wanted) => {
                Some(Alarm { index, userdata: sub.userdata, due: due(wanted, clock, began) })
            }
            SubscriptionU::FdRead(_) | SubscriptionU::FdWrite(_) => None,
        });
        Self(alarms.collect())
    }

    /// The events of the alarms that are due, each with the index of its subscription.
    pub fn fired(&self, clock: &Clock) -> impl Iterator<Item = (usize, Event)> {
        let now = clock.elapsed();
        self.0.iter().filter_map(move |alarm| {
            let error = match alarm.due {
                Ok(due) if due > now => return None,
                Ok(_) => Errno::Success,
                Err(errno) => errno,
            };
            Some((alarm.index, event(alarm.userdata, Eventtype::Clock, error, 0, Eventrwflags::empty())))
        })
    }

    /// When the first alarm is due, in nanoseconds after the test began.
    pub fn earliest(&self) -> Option<u64> {
        self.0.iter().filter_map(|alarm| alarm.due.ok()).min()
    }

    /// How long to wait until the first alarm is due; `None` if no alarm has a time.
    pub fn wait(&self, clock: &Clock) -> Option<Duration> {
        self.earliest().map(|due| Duration::from_nanos(due.saturating_sub(clock.elapsed())))
    }
}

/// When a subscription is due. It is an error to sleep by processor time: that stands still while a test sleeps, so the
/// alarm would never be due.
fn due(sub: &SubscriptionClock, clock: &Clock, began: u64) -> Result<u64, Errno> {
    let now = match sub.id {
        Clockid::Realtime | Clockid::Monotonic => clock.shows(sub.id),
        Clockid::ProcessCputimeId | Clockid::ThreadCputimeId => return Err(Errno::Notsup),
    };
    let absolute = sub.flags.contains(Subclockflags::SUBSCRIPTION_CLOCK_ABSTIME);
    Ok(if absolute {
        clock.elapsed().saturating_add(sub.timeout.saturating_sub(now))
    } else {
        began.saturating_add(sub.timeout)
    })
}

/// An event for a subscription.
pub(super) fn event(userdata: Userdata, type_: Eventtype, error: Errno, nbytes: u64, flags: Eventrwflags) -> Event {
    Event { userdata, error, type_, fd_readwrite: EventFdReadwrite { nbytes, flags } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy;
    use crate::sandbox::wasi::clock::MONOTONIC_START;
    use proptest::prelude::*;

    const START: u64 = policy::Clock::DEFAULT_START;

    fn sub(userdata: u64, id: Clockid, timeout: u64, absolute: bool) -> Subscription {
        let flags = if absolute { Subclockflags::SUBSCRIPTION_CLOCK_ABSTIME } else { Subclockflags::empty() };
        Subscription { userdata, u: SubscriptionU::Clock(SubscriptionClock { id, timeout, precision: 0, flags }) }
    }

    /// A clock that has run for 100 ns.
    fn clock() -> Clock {
        let mut clock = Clock::new(policy::Clock::default());
        clock.set_spent(100);
        clock
    }

    /// Sleeps until the first alarm. Gives the alarms that fired, and the time slept.
    fn sleep(wanted: &[Subscription]) -> (Vec<(usize, u64, Errno)>, u64) {
        let mut clock = clock();
        let alarms = Alarms::new(wanted, &clock, clock.elapsed());
        let mut fired: Vec<_> = alarms.fired(&clock).collect();
        if fired.is_empty() {
            clock.sleep_until(alarms.earliest().unwrap());
            fired = alarms.fired(&clock).collect();
        }
        let told = fired.into_iter().map(|(index, event)| (index, event.userdata, event.error));
        (told.collect(), clock.elapsed() - 100)
    }

    #[test]
    fn relative_and_absolute_times_of_both_clocks_mix() {
        use Clockid::{Monotonic, Realtime};
        let ok = Errno::Success;
        let subs = [
            sub(1, Monotonic, 50, false),
            sub(2, Realtime, START + 130, true),
            sub(3, Realtime, 40, false),
            sub(4, Monotonic, MONOTONIC_START + 130, true),
        ];
        assert_eq!(sleep(&subs), (vec![(1, 2, ok), (3, 4, ok)], 30), "those due at the same instant fire together");
    }

    #[test]
    fn zero_and_the_past_are_due_at_once() {
        let ok = Errno::Success;
        for now in [
            sub(9, Clockid::Monotonic, 0, false),
            sub(9, Clockid::Realtime, 1, true),
            sub(9, Clockid::Monotonic, 0, true),
        ] {
            let later = sub(8, Clockid::Monotonic, 1, false);
            assert_eq!(sleep(&[later, now]), (vec![(1, 9, ok)], 0));
        }
    }

    #[test]
    fn processor_time_is_an_error_of_its_subscription_alone() {
        for (id, absolute) in [(Clockid::ProcessCputimeId, false), (Clockid::ThreadCputimeId, true)] {
            let subs = [sub(1, Clockid::Monotonic, 5, false), sub(2, id, 0, absolute)];
            assert_eq!(sleep(&subs), (vec![(1, 2, Errno::Notsup)], 0));
        }
    }

    #[test]
    fn the_end_of_time_is_reached_and_not_passed() {
        let forever = [sub(1, Clockid::Monotonic, u64::MAX, false), sub(1, Clockid::Realtime, u64::MAX, true)];
        let (fired, _) = sleep(&forever);
        assert_eq!(fired.len(), 1, "the absolute time comes first: {fired:?}");
        assert_eq!(sleep(&forever[..1]).0, [(0, 1, Errno::Success)]);
    }

    proptest! {
        /// Compared with the rule itself: the shortest wait is slept, and every alarm due by then fires, in order.
        #[test]
        fn the_earliest_fire(waits in proptest::collection::vec((0..5_u64, any::<bool>(), any::<bool>()), 1..8)) {
            let subs: Vec<_> = waits.iter().map(|(wait, realtime, absolute)| {
                let id = if *realtime { Clockid::Realtime } else { Clockid::Monotonic };
                let timeout = if *absolute { clock().shows(id) + wait } else { *wait };
                sub(7, id, timeout, *absolute)
            }).collect();
            let least = waits.iter().map(|(wait, ..)| *wait).min().unwrap();
            let due = waits.iter().enumerate().filter(|(_, (wait, ..))| *wait == least);
            let expected: Vec<_> = due.map(|(index, _)| (index, 7, Errno::Success)).collect();
            prop_assert_eq!(sleep(&subs), (expected, least));
        }
    }
}
