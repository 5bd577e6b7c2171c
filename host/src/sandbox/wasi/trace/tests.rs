use super::*;
use crate::ledger::{RawFrame, Stack};
use crate::model::trace::{TraceKind, TraceOptions};
use std::sync::Arc;

fn stack(function: u32) -> Stack {
    [RawFrame { function, offset: Some(function) }].into()
}

fn numbers(trace: &RawTrace) -> Vec<u64> {
    trace.events.iter().map(|event| event.nth).collect()
}

#[test]
fn the_first_events_and_the_last_are_kept_and_all_are_counted() {
    for (most, expected) in [(4, vec![1, 2, 9, 10]), (5, vec![1, 2, 3, 9, 10]), (10, (1..=10).collect()), (1, vec![1])]
    {
        let mut tracer = Tracer::new(TraceOptions::default().most(most));
        for _ in 0..10 {
            tracer.push(TracedEvent::new(TraceKind::Call, "random_get"));
        }
        let trace = tracer.finish();
        assert_eq!((numbers(&trace), trace.count), (expected, 10), "{most}");
    }
}

#[test]
fn what_is_kept_of_a_million_places_is_bounded() {
    let mut tracer = Tracer::new(TraceOptions::default().most(10));
    let name: Arc<str> = "a".repeat(4096).into();
    for function in 0..100_000 {
        let event = TracedEvent::new(TraceKind::Call, "fd_sync");
        tracer.push(TracedEvent { stack: Some(stack(function)), object: Some(Arc::clone(&name)), ..event });
        assert!(tracer.stacks_kept() <= 22);
    }
    let trace = tracer.finish();
    assert_eq!(trace.events.len(), 10);
    assert!(trace.events.iter().all(|event| event.object.as_ref().is_some_and(|name| name.len() < 600)));
}

#[test]
fn memory_that_grows_in_an_allocator_has_its_place_and_other_growth_none() {
    let mut tracer = Tracer::new(TraceOptions::default().allocation(1000));
    assert!(!tracer.wants(None) && !tracer.wants(Some(999)) && tracer.wants(Some(1000)));
    tracer.memory_grew(65_536, 131_072, None);
    assert!(tracer.wants(None));
    tracer.flush(Some((7, &stack(1))), 2);
    for _ in 0..5 {
        tracer.memory_grew(131_072, 1 << 30, Some("refused"));
    }
    tracer.shared_memory_is(131_072);
    tracer.shared_memory_is(131_072);
    tracer.shared_memory_is(196_608);
    let trace = tracer.finish();
    let told = trace.events.iter().map(|event| (event.fuel, event.thread, event.before, event.bytes, &event.failed));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (Some(7), 2, Some(65_536), Some(131_072), &None),
            (None, 0, Some(131_072), Some(1 << 30), &Some("refused".into())),
            (None, 0, Some(131_072), Some(196_608), &None),
        ]
    );
    assert_eq!(trace.events[0].stack, Some(stack(1)));
}

#[test]
fn growths_without_an_event_between_them_are_bounded_too() {
    let mut tracer = Tracer::new(TraceOptions::default().most(10));
    for bytes in 0..10_000 {
        tracer.memory_grew(65_536, bytes, Some("refused"));
    }
    let trace = tracer.finish();
    assert_eq!((trace.events.len(), trace.count), (10, 10_000));
}

#[test]
fn events_are_in_the_scope_that_runs() {
    let mut tracer = Tracer::new(TraceOptions::default());
    let event = || TracedEvent::new(TraceKind::Call, "random_get");
    let around = tracer.enter_scope(Some("parse".into()));
    tracer.push(event());
    assert_eq!(tracer.enter_scope(around).as_deref(), Some("parse"));
    tracer.push(event());
    let scopes = tracer.finish().events.into_iter().map(|event| event.scope);
    assert_eq!(scopes.collect::<Vec<_>>(), [Some("parse".into()), None]);
}

#[test]
fn errnos_have_the_names_that_people_know() {
    let names = [1, 2, 44, 76, 999].map(errno_name);
    assert_eq!(names, ["E2BIG", "EACCES", "ENOENT", "ENOTCAPABLE", "errno 999"]);
}
