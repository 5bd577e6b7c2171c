//! airtight's own import by which a test makes a call of its own fail. See [`airtight_abi::faults`].

use super::{CallWatch, OwnCalls, WatchOptions};
use crate::policy::{Call, Failure};
use crate::sandbox::wasi::context::Wasi;
use airtight_abi::faults::MAX_FAULTS;
use wasi_common::snapshots::preview_1::types::Errno;

/// `fail_next`.
pub fn fail_next(wasi: &mut Wasi, (call, failure): (i32, i32)) -> wasmtime::Result<i32> {
    let place = |number: i32| usize::try_from(number).unwrap_or(usize::MAX);
    let known = Call::ALL.get(place(call)).zip(Failure::ALL.get(place(failure)));
    let Some((call, failure)) = known.filter(|(call, failure)| call.failures().contains(failure)) else {
        return Ok(i32::from(Errno::Inval as u16));
    };
    // If the calls were not watched so far, all calls from here on are the test's own, since it is the test that makes this
    // one.
    let watch = wasi.watch.get_or_insert_with(|| {
        let (faults, notes, own) = (Vec::new(), false, OwnCalls::All);
        Box::new(CallWatch::new(WatchOptions { faults, notes, until_failed: false, own, symbols: None, stacks: None }))
    });
    if watch.faults() >= MAX_FAULTS {
        wasmtime::bail!("a test may let {MAX_FAULTS} calls fail; this one wants more");
    }
    watch.fail_next(*call, *failure);
    Ok(0)
}
