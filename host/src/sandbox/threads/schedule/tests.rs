use super::*;
use proptest::prelude::*;

fn schedule(others: u32) -> Schedule {
    let mut schedule = Schedule::new(7, 1000);
    schedule.refuel(u64::MAX);
    schedule.begin_call();
    for _ in 0..others {
        schedule.spawn(0, [].into(), None).unwrap();
    }
    schedule
}

fn run(schedule: &mut Schedule) -> ThreadId {
    match schedule.next(0) {
        Next::Run(id) => id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_seed_is_a_schedule() {
    let order = |seed| {
        let mut schedule = Schedule::new(seed, 10);
        schedule.refuel(u64::MAX);
        schedule.begin_call();
        (0..3).for_each(|_| assert!(schedule.spawn(0, [].into(), None).is_some()));
        let mut order = Vec::new();
        for _ in 0..64 {
            let id = run(&mut schedule);
            order.push(id);
            schedule.paused(id);
        }
        order
    };
    assert_eq!(order(1), order(1));
    assert_ne!(order(1), order(2));
}

#[test]
fn the_longest_waiters_are_told_first() {
    let mut schedule = schedule(3);
    for id in [2, 1, 3] {
        schedule.ready.retain(|(ready, _)| *ready != id);
        schedule.wait(id, Wait::Address(8), None, 0);
    }
    assert_eq!(schedule.notify(12, u32::MAX), 0);
    assert_eq!(schedule.notify(8, 2), 2);
    assert_eq!((schedule.waiting(2), schedule.waiting(1)), (None, None));
    assert_eq!(schedule.waiting(3).unwrap().wait, Wait::Address(8));
    assert_eq!(schedule.notify(8, u32::MAX), 1);
    assert_eq!(schedule.woken(3), Wake::Told);
}

#[test]
fn time_is_up_once_and_in_order() {
    let mut schedule = schedule(2);
    schedule.ready.clear();
    schedule.wait(1, Wait::Address(8), Some(50), 0);
    schedule.wait(2, Wait::Time, Some(20), 0);
    assert_eq!(schedule.next(10), Next::Sleep(20));
    assert_eq!(schedule.next(20), Next::Run(2));
    assert_eq!(schedule.woken(2), Wake::TimedOut);
    assert_eq!(schedule.notify(8, 1), 1);
    assert_eq!(schedule.next(60), Next::Run(1));
    assert_eq!(schedule.woken(1), Wake::Told, "it was told before its time was up");
    assert_eq!(schedule.next(60), Next::Never);
}

#[test]
fn who_ends_is_nowhere_any_more() {
    let mut schedule = schedule(1);
    schedule.ready.clear();
    schedule.wait(1, Wait::Descriptor("it".into()), Some(5), 0);
    schedule.ended(1);
    schedule.descriptors_changed();
    assert_eq!(schedule.next(10), Next::Never);
    assert!(schedule.waiting(1).is_none());
}

#[test]
fn more_threads_than_there_may_be_are_refused() {
    let mut schedule = Schedule::new(0, 2);
    assert_eq!([(); 3].map(|()| schedule.spawn(0, [].into(), None)), [Some(1), Some(2), None]);
    assert_eq!(schedule.refused(), 1);
    schedule.ended(1);
    assert_eq!(schedule.spawn(0, [].into(), None), Some(3), "numbers are not used again");
}

#[test]
fn to_spawn_costs_fuel_and_no_time() {
    let mut schedule = Schedule::new(0, 1);
    schedule.refuel(2 * SPAWN_FUEL);
    assert!(schedule.spawn(0, [].into(), None).is_some());
    assert!(schedule.spawn(0, [].into(), None).is_none());
    assert_eq!((schedule.spent_in_call(), schedule.spent()), (2 * SPAWN_FUEL, 0));
    assert!(!schedule.is_out_of_fuel());
    schedule.spawn(0, [].into(), None);
    assert!(schedule.is_out_of_fuel());
}

#[test]
fn fuel_is_counted_over_all_threads() {
    let mut schedule = schedule(1);
    schedule.refuel(2 * QUANTUM);
    schedule.running = Some(1);
    schedule.paused(1);
    assert_eq!(schedule.tell_spent(1, QUANTUM + 7), QUANTUM + 7);
    assert_eq!(schedule.tell_spent(MAIN, QUANTUM), 2 * QUANTUM + 7);
    assert!(schedule.is_out_of_fuel());
}

#[test]
fn what_the_main_thread_spent_stays_known_when_it_is_stopped() {
    let mut schedule = Schedule::new(0, 1);
    schedule.refuel(10);
    assert_eq!(schedule.tell_spent(MAIN, 7), 7);
    schedule.stop(MAIN);
    schedule.ended(MAIN);
    assert!(!schedule.stops(MAIN), "it is called again for clean-ups");
    schedule.refuel(10);
    assert_eq!((schedule.tell_spent(MAIN, 9), schedule.spent_in_call()), (9, 2));
}

proptest! {
    /// Each thread that can run does so within the bound, whatever the seed is.
    #[test]
    fn nobody_starves(seed: u64, others in 1..40_u32) {
        let mut schedule = Schedule::new(seed, 100);
        schedule.refuel(u64::MAX);
    schedule.begin_call();
        (0..others).for_each(|_| assert!(schedule.spawn(0, [].into(), None).is_some()));
        let bound = others as usize + 1 + DRAWN_OF * PASSED_OVER as usize;
        let mut last = BTreeMap::new();
        for step in 0..2000_usize {
            let id = run(&mut schedule);
            schedule.paused(id);
            let waited = step - last.insert(id, step).unwrap_or(0);
            prop_assert!(waited <= bound, "{} waited for {}", id, waited);
        }
        prop_assert_eq!(last.len() as u32, others + 1);
    }
}
