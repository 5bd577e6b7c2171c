//! Puts the functions that guests import into a linker: WASI's, and airtight's own.

use super::answer::ready;
use super::around::{Capture, around};
use super::front;
use crate::model::trace::TraceKind;
use crate::sandbox::heap;
use crate::sandbox::state::TestState;
use crate::sandbox::subtest_call::SubtestCall;
use crate::sandbox::subtests::run_subtest;
use crate::sandbox::take_fork::fork_subtest;
use crate::sandbox::threads;
use crate::sandbox::wasi::net;
use crate::sandbox::wasi::tasks as jobs;
use crate::sandbox::wasi::trace::numbered;
use crate::sandbox::wasi::tracked as resources;
use crate::sandbox::wasi::watch;
use airtight_abi::{faults, go, held, mem, net as abi, scopes, tasks, tracked};
use wasi_common::snapshots::preview_1::types::Rights;
use wasi_common::snapshots::preview_1::wasi_snapshot_preview1 as preview1;
use wasmtime::{Caller, Linker};

/// The module name of the imports.
const MODULE: &str = "wasi_snapshot_preview1";

/// Defines a function that the guest imports, whose calls do what `$call` does. In a guest with threads, other threads may
/// run during such a call.
macro_rules! define {
    ($linker:ident, $for_threads:ident, $module:expr, $name:expr, ($captures:expr, $yields:expr),
        ($($arg:ident $ty:ty),*), $call:expr) => {
        if $for_threads {
            $linker.func_wrap_async($module, $name, |mut caller: Caller<'_, TestState>, ($($arg,)*): ($($ty,)*)| {
                Box::new(async move { threads::call(&mut caller, ($captures, $yields), $call).await })
            })?;
        } else {
            $linker.func_wrap($module, $name, |mut caller: Caller<'_, TestState> $(, $arg: $ty)*| {
                around(&mut caller, $captures, $call)
            })?;
        }
    };
}

macro_rules! hostcalls {
    ($linker:ident, $for_threads:ident: $( $stack:ident $name:ident ( $($arg:ident $ty:ty),* ) )*) => {$({
        const CALL: (Capture, bool) = traits(stringify!($stack));
        define!($linker, $for_threads, MODULE, stringify!($name),
            (on_handle(CALL.0, stringify!($name), &[$(i64::from($arg)),*]), CALL.1), ($($arg $ty),*), move |state, memory| {
            front::call(state, memory, (stringify!($name), &[$(i64::from($arg)),*]), |state, memory| {
                ready(preview1::$name(&mut *state.wasi, memory $(, $arg)*))
            })
        });
    })*};
}

macro_rules! own_calls {
    ($linker:ident, $for_threads:ident: $( $stack:ident $name:ident $function:path : ( $($arg:ident $ty:ty),* ) )*) => {$({
        const CALL: (Capture, bool) = traits(stringify!($stack));
        define!($linker, $for_threads, abi::MODULE, abi::$name, (CALL.0, CALL.1), ($($arg $ty),*), move |state, memory| {
            front::call(state, memory, (abi::$name, &[$(i64::from($arg)),*]), |state, memory| {
                $function(&mut state.wasi, memory $(, $arg)*)
            })
        });
    })*};
}

/// When the stack is captured for a function of this kind, and whether its call lets other threads run. `unfailing` are functions whose
/// calls are never made to fail.
const fn traits(kind: &str) -> (Capture, bool) {
    match kind.as_bytes() {
        b"acquires" => (Capture::Always, false),
        b"releases" => (Capture::LateRelease, false),
        b"unfailing" => (Capture::NeverUnless(None), false),
        b"yields" => (Capture::NeverUnless(None), true),
        _ => (Capture::Never, false),
    }
}

/// The same for a call of this function with these arguments.
fn on_handle(capture: Capture, name: &str, args: &[i64]) -> Capture {
    match (capture, args) {
        (Capture::Never, [fd, ..]) if name.starts_with("fd_") => Capture::NeverOn(*fd as u32),
        (Capture::NeverUnless(_), [fd, ..]) if name.starts_with("fd_") => Capture::NeverUnless(Some(*fd as u32)),
        (capture, _) => capture,
    }
}

/// Adds every function of preview 1, and airtight's own, for guests with threads or without.
///
/// # Errors
/// None is expected: a name defined twice would be a bug.
pub fn add_to_linker(linker: &mut Linker<TestState>, for_threads: bool) -> wasmtime::Result<()> {
    hostcalls! { linker, for_threads:
        unfailing args_get(a i32, b i32)
        unfailing args_sizes_get(a i32, b i32)
        unfailing environ_get(a i32, b i32)
        unfailing environ_sizes_get(a i32, b i32)
        unfailing clock_res_get(a i32, b i32)
        unfailing clock_time_get(a i32, b i64, c i32)
        unfailing fd_advise(a i32, b i64, c i64, d i32)
        plain fd_allocate(a i32, b i64, c i64)
        releases fd_close(a i32)
        plain fd_datasync(a i32)
        unfailing fd_fdstat_get(a i32, b i32)
        unfailing fd_fdstat_set_flags(a i32, b i32)
        plain fd_filestat_get(a i32, b i32)
        plain fd_filestat_set_size(a i32, b i64)
        plain fd_filestat_set_times(a i32, b i64, c i64, d i32)
        plain fd_pread(a i32, b i32, c i32, d i64, e i32)
        unfailing fd_prestat_get(a i32, b i32)
        unfailing fd_prestat_dir_name(a i32, b i32, c i32)
        plain fd_pwrite(a i32, b i32, c i32, d i64, e i32)
        plain fd_read(a i32, b i32, c i32, d i32)
        plain fd_readdir(a i32, b i32, c i32, d i64, e i32)
        releases fd_renumber(a i32, b i32)
        unfailing fd_seek(a i32, b i64, c i32, d i32)
        plain fd_sync(a i32)
        unfailing fd_tell(a i32, b i32)
        plain fd_write(a i32, b i32, c i32, d i32)
        plain path_create_directory(a i32, b i32, c i32)
        plain path_filestat_get(a i32, b i32, c i32, d i32, e i32)
        plain path_filestat_set_times(a i32, b i32, c i32, d i32, e i64, f i64, g i32)
        plain path_link(a i32, b i32, c i32, d i32, e i32, f i32, g i32)
        plain path_readlink(a i32, b i32, c i32, d i32, e i32, f i32)
        plain path_remove_directory(a i32, b i32, c i32)
        plain path_rename(a i32, b i32, c i32, d i32, e i32, f i32)
        plain path_symlink(a i32, b i32, c i32, d i32, e i32)
        plain path_unlink_file(a i32, b i32, c i32)
        plain poll_oneoff(a i32, b i32, c i32, d i32)
        unfailing proc_exit(a i32)
        unfailing proc_raise(a i32)
        yields sched_yield()
        unfailing random_get(a i32, b i32)
        acquires sock_accept(a i32, b i32, c i32)
        plain sock_recv(a i32, b i32, c i32, d i32, e i32, f i32)
        plain sock_send(a i32, b i32, c i32, d i32, e i32)
        plain sock_shutdown(a i32, b i32)
    }
    define!(linker, for_threads, MODULE, "fd_fdstat_set_rights", (Capture::Never, false), (a i32, b i64, c i64), move |state, memory| {
        ready(preview1::fd_fdstat_set_rights(&mut *state.wasi, memory, a, known(b), known(c)))
    });
    define!(linker, for_threads, MODULE, "path_open", (Capture::Always, false),
        (a i32, b i32, c i32, d i32, e i32, f i64, g i64, h i32, i i32), move |state, memory| {
        let args = [a.into(), b.into(), c.into(), d.into(), e.into(), f, g, h.into(), i.into()];
        front::call(state, memory, ("path_open", &args), |state, memory| {
            ready(preview1::path_open(&mut *state.wasi, memory, a, b, c, d, e, known(f), known(g), h, i))
        })
    });
    own_calls! { linker, for_threads:
        acquires LISTEN net::listen: (a i32, b i32)
        acquires CONNECT net::connect: (a i32, b i32)
        unfailing ADDRESS net::address: (a i32, b i32, c i32)
    }
    define!(linker, for_threads, mem::MODULE, mem::STATS, (Capture::Never, false), (record i32, len i32), move |state, memory| {
        heap::stats(state, memory, record, len)
    });
    define!(linker, for_threads, mem::MODULE, mem::MARK, (Capture::Never, false), (record i32, len i32), move |state, memory| {
        heap::mark(state, memory, record, len)
    });
    define!(linker, for_threads, tracked::MODULE, tracked::TRACK, (Capture::Always, false), (a i32, b i32, c i32, d i32), move |state, memory| {
        let event = (TraceKind::Tracked, tracked::TRACK, state.thread_id());
        numbered(&mut state.wasi, event, None, |wasi| resources::track(wasi, memory, [a, b, c, d]))
    });
    define!(linker, for_threads, tracked::MODULE, tracked::UNTRACK, (Capture::LateRelease, false), (number i32), move |state, _| {
        let event = (TraceKind::Tracked, tracked::UNTRACK, state.thread_id());
        numbered(&mut state.wasi, event, Some(number), |wasi| Ok(resources::untrack(wasi, number)))
    });
    define!(linker, for_threads, held::MODULE, held::MARK, (Capture::Never, false), (), move |state, _| {
        super::held::mark(&state.wasi)
    });
    define!(linker, for_threads, held::MODULE, held::SINCE, (Capture::Never, false), (a i32, b i32, c i32), move |state, memory| {
        super::held::since(&mut state.wasi, memory, [a, b, c])
    });
    define!(linker, for_threads, faults::MODULE, faults::FAIL_NEXT, (Capture::Never, false), (call i32, failure i32), move |state, _| {
        watch::fail_next(&mut state.wasi, (call, failure))
    });
    define!(linker, for_threads, tasks::MODULE, tasks::SPAWN, (Capture::Always, false), (a i32, b i32), move |state, memory| {
        let event = (TraceKind::Task, tasks::SPAWN, state.thread_id());
        numbered(&mut state.wasi, event, None, |wasi| jobs::spawn(wasi, memory, [a, b]))
    });
    define!(linker, for_threads, tasks::MODULE, tasks::NAME, (Capture::Never, false), (a i32, b i32, c i32), move |state, memory| {
        jobs::name(&mut state.wasi, memory, [a, b, c])
    });
    define!(linker, for_threads, tasks::MODULE, tasks::WAITS, (Capture::Always, false), (number i32), move |state, _| {
        let event = (TraceKind::Task, tasks::WAITS, state.thread_id());
        numbered(&mut state.wasi, event, Some(number), |wasi| Ok(jobs::waits(wasi, number)))
    });
    define!(linker, for_threads, tasks::MODULE, tasks::DONE, (Capture::LateRelease, false), (number i32), move |state, _| {
        let event = (TraceKind::Task, tasks::DONE, state.thread_id());
        numbered(&mut state.wasi, event, Some(number), |wasi| Ok(jobs::done(wasi, number)))
    });
    define!(linker, for_threads, go::MODULE, go::READY, (Capture::Never, false), (), move |state, _| {
        super::goroutines::ready(&mut state.wasi)
    });
    define!(linker, for_threads, go::MODULE, go::ARGS, (Capture::Never, false), (a i32, b i32), move |state, memory| {
        super::goroutines::args(&mut state.wasi, memory, (a, b))
    });
    define!(linker, for_threads, go::MODULE, go::GOROUTINES, (Capture::Never, false), (a i32, b i32, c i32), move |state, memory| {
        super::goroutines::goroutines(&mut state.wasi, memory, [a, b, c])
    });
    define!(linker, for_threads, go::MODULE, go::COLLECTS, (Capture::Never, false), (begins i32), move |state, _| {
        Ok(super::goroutines::collects(&mut state.wasi, begins))
    });
    define!(linker, for_threads, go::MODULE, go::BEGINS, (Capture::Never, false), (), move |state, _| {
        Ok(super::goroutines::begins(&mut state.wasi))
    });
    define!(linker, for_threads, go::MODULE, go::HEAP, (Capture::Never, false), (a i32, b i32, c i32), move |state, _| {
        super::goroutines::heap(&mut state.wasi, [a, b, c])
    });
    define!(linker, for_threads, go::MODULE, go::SITES, (Capture::Never, false), (a i32, b i32), move |state, memory| {
        super::goroutines::sites(&mut state.wasi, memory, (a, b))
    });
    if for_threads {
        threads::add_to_linker(linker)?;
        linker.func_wrap_async(scopes::MODULE, scopes::RUN, |caller: Caller<'_, TestState>, (a, b, c, d, e)| {
            Box::new(run_subtest(caller, subtest([a, b, c, d, e])))
        })?;
    } else {
        linker.func_wrap(scopes::MODULE, scopes::RUN, |caller: Caller<'_, TestState>, a, b, c, d, e| {
            threads::at_once(run_subtest(caller, subtest([a, b, c, d, e]))).flatten()
        })?;
    }
    linker.func_wrap(scopes::MODULE, scopes::FORK, |caller: Caller<'_, TestState>, a, b, c, d, e| {
        fork_subtest(caller, subtest([a, b, c, d, e]))
    })?;
    Ok(())
}

fn subtest([state, name, len, function, data]: [u32; 5]) -> SubtestCall {
    SubtestCall { state, name, len, function, data }
}

/// The rights among these bits. A caller may ask for all that there will ever be, and gets what there is.
fn known(rights: i64) -> i64 {
    Rights::from_bits_truncate(rights.cast_unsigned()).bits().cast_signed()
}

#[cfg(test)]
mod tests {
    use crate::catalogue::importing_all_of_wasi;
    use crate::sandbox::wasi::watch::can_fail;
    use crate::sandbox::{Engine, EngineOptions};
    use wasmtime::Module;

    /// Every function that the catalogue lets a guest import is linked, with the same types. That these are the types of
    /// WASI's own interface description is checked by the compiler: each call above goes to the function that wiggle made
    /// of that description.
    #[test]
    fn every_function_of_preview_1_is_there_with_its_signature() {
        let engine = Engine::new(EngineOptions::default()).unwrap();
        let module = Module::new(engine.wasmtime(), wat::parse_str(importing_all_of_wasi()).unwrap()).unwrap();
        assert_eq!(module.imports().count(), 46);
        engine.linker().instantiate_pre(&module).map(drop).unwrap();
    }

    /// Of a call whose stack is not captured, no failure would be noted.
    #[test]
    fn the_stacks_are_left_out_of_those_calls_alone_that_are_never_made_to_fail() {
        let table = include_str!("linker.rs").lines().filter_map(|line| {
            let (kind, function) = line.trim().split_once(' ')?;
            let kinds = ["plain", "acquires", "releases", "yields", "unfailing"];
            Some((kinds.contains(&kind).then_some(kind)?, function.split_once('(')?.0))
        });
        let table: Vec<_> = table.filter(|(_, function)| !function.contains(' ')).collect();
        assert_eq!(table.len(), 44, "{table:?}");
        for (kind, function) in table {
            let is_left_out = ["unfailing", "yields"].contains(&kind);
            assert!(!is_left_out || !can_fail(function), "{function}");
            assert!(kind != "plain" || can_fail(function), "{function}");
        }
    }
}
