//! Runs a failing test again, as often as is allowed.
//!
//! What a test does follows from its module, its policy and the seed, unless it is granted something of the real world. So
//! if a test without such a grant passes the second time, it is not forgiven: that is a bug of airtight's, and must be
//! seen.

use crate::model::{AttemptsRecord, FailedAttempt, TestRecord, Verdict};

/// One run of a test.
pub trait Attempt {
    /// The record of that run.
    fn record(&mut self) -> &mut TestRecord;

    /// Whether the run's ending may be different another time: the wall clock ended it.
    fn is_of_the_moment(&self) -> bool;
}

/// Runs a test until it passes, and again at most `more` times. `may_differ` is whether the test is granted something that
/// may differ from one run to the next.
pub fn retry<T: Attempt>(more: u32, mut may_differ: bool, mut once: impl FnMut() -> T) -> T {
    let mut last = once();
    let mut failed: Vec<FailedAttempt> = Vec::new();
    let mut first = None;
    for _ in 0..more {
        may_differ |= last.is_of_the_moment();
        let of_last = last.record();
        if of_last.verdict.is_success() {
            break;
        }
        let message = of_last.details.as_ref().and_then(|details| details.message.clone());
        failed.push(FailedAttempt::new(of_last.verdict, message));
        let earlier = std::mem::replace(&mut last, once());
        first.get_or_insert(earlier);
    }
    let Some(mut first) = first else { return last };
    let tried = u32::try_from(failed.len()).unwrap_or(u32::MAX).saturating_add(1);
    let attempts = Some(AttemptsRecord { tried, allowed: more.saturating_add(1), failed });
    if last.record().verdict == Verdict::Pass && !may_differ {
        let details = first.record().details.get_or_insert_default();
        let words = format!(
            "it passed when it was run again (time {tried}), though nothing that it is granted may differ; please report this"
        );
        details.message = Some(details.message.take().map_or(words.clone(), |message| format!("{message}\n{words}")));
        details.attempts = attempts;
        return first;
    }
    last.record().details.get_or_insert_default().attempts = attempts;
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples;

    struct Tried(TestRecord);

    impl Attempt for Tried {
        fn record(&mut self) -> &mut TestRecord {
            &mut self.0
        }

        fn is_of_the_moment(&self) -> bool {
            self.0.verdict == Verdict::Timeout
        }
    }

    /// The record of a test whose runs end with these verdicts, and how often it was run.
    fn retried(more: u32, may_differ: bool, verdicts: &[Verdict]) -> (TestRecord, usize) {
        let mut times = 0;
        let once = || {
            times += 1;
            Tried(TestRecord { verdict: verdicts[times - 1], ..samples::passed("t") })
        };
        (retry(more, may_differ, once).0, times)
    }

    #[test]
    fn what_passes_is_run_once() {
        let (record, times) = retried(3, true, &[Verdict::Pass]);
        assert_eq!((record.details, times), (None, 1));
        assert_eq!(retried(0, true, &[Verdict::Fail]).0.details, None);
    }

    #[test]
    fn what_passes_later_is_flaky() {
        let (record, times) = retried(3, true, &[Verdict::Fail, Verdict::Exit, Verdict::Pass]);
        assert!(record.is_flaky());
        let attempts = record.details.unwrap().attempts.unwrap();
        assert_eq!((times, attempts.tried, attempts.allowed, attempts.failed.len()), (3, 3, 4, 2));
        assert_eq!(attempts.failed[1].verdict, Verdict::Exit);
    }

    #[test]
    fn what_fails_each_time_fails() {
        let (record, times) = retried(2, true, &[Verdict::Fail; 3]);
        assert_eq!((record.verdict, times, record.is_flaky()), (Verdict::Fail, 3, false));
        assert_eq!(record.details.unwrap().attempts.unwrap().tried, 3);
        // An interrupted run says nothing of the test.
        assert_eq!(retried(2, false, &[Verdict::Fail, Verdict::Skip]).0.verdict, Verdict::Skip);
    }

    #[test]
    fn a_deterministic_test_that_comes_out_otherwise_is_not_forgiven() {
        let (record, _) = retried(2, false, &[Verdict::Fail, Verdict::Pass]);
        assert_eq!(record.verdict, Verdict::Fail);
        assert!(record.details.unwrap().message.unwrap().ends_with("please report this"));
        assert!(retried(2, false, &[Verdict::Timeout, Verdict::Pass]).0.is_flaky(), "time is of the moment");
    }
}
