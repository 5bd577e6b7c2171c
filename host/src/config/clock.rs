//! `clock` and `clock-start`: two settings that together make one change of the clock.

use super::check::{At, Checker, Value};
use super::errors::Problem;
use crate::policy::{Clock, ClockPatch};
use std::time::UNIX_EPOCH;
use toml::de::DeValue;

const CLOCKS: &[(&str, ClockPatch)] = &[("virtual", ClockPatch::Virtual { start: None }), ("real", ClockPatch::Real)];

/// Reads one of the two settings. The other one of the same table may have been read before, into `patch`.
pub(super) fn read(check: &mut Checker<'_>, at: &At, key: &str, value: &Value<'_>, patch: &mut Option<ClockPatch>) {
    let new = if key == "clock" {
        check.choice(at, value, "a clock", CLOCKS)
    } else {
        start(check, at, value).map(|start| ClockPatch::Virtual { start: Some(start) })
    };
    *patch = match (*patch, new) {
        (Some(ClockPatch::Real), Some(ClockPatch::Virtual { .. }))
        | (Some(ClockPatch::Virtual { .. }), Some(ClockPatch::Real)) => {
            let problem = "the real clock cannot be set; remove `clock-start`, or write clock = \"virtual\"";
            check.fail(at, Problem::Contradiction(problem.to_owned()));
            *patch
        }
        (Some(ClockPatch::Virtual { start: Some(start) }), Some(ClockPatch::Virtual { start: None })) => {
            Some(ClockPatch::Virtual { start: Some(start) })
        }
        (old, new) => new.or(old),
    };
}

/// Nanoseconds since 1970 of an RFC 3339 time in UTC, as a string or as TOML's own date and time.
fn start(check: &mut Checker<'_>, at: &At, value: &Value<'_>) -> Option<u64> {
    let text = match value.get_ref() {
        DeValue::Datetime(time) => time.to_string(),
        _ => check.string(at, value)?.to_owned(),
    };
    let nanos = humantime::parse_rfc3339(&text).ok().and_then(|time| {
        let since = time.duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since.as_nanos()).ok().filter(|nanos| *nanos <= Clock::LATEST_START)
    });
    if nanos.is_none() {
        let rule = "write an RFC 3339 time in UTC from 1970 to 2262-04-11, such as \"2024-01-01T00:00:00Z\"";
        check.fail(at, Problem::Text { text, what: "the start of a clock", rule });
    }
    nanos
}
