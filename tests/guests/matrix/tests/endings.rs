//! A test `FEATURE::ENDING` for each of both. The report of each is kept in a snapshot.

use airtight::{Cleanup, T};
use std::fs::File;
use std::hint::black_box;
use std::os::fd::IntoRawFd;

/// The ways in which a test, or a subtest, comes to its end.
mod ending {
    use super::*;

    pub fn returns(_: &mut T) {}

    pub fn fails(t: &mut T) {
        t.fail("said");
    }

    pub fn fatal(t: &mut T) {
        t.fatal("the end")
    }

    pub fn skips(t: &mut T) {
        t.skip("not here")
    }

    pub fn panics(_: &mut T) {
        panic!("of its own")
    }

    pub fn fails_and_panics(t: &mut T) {
        t.fail("said");
        panic!("after it")
    }

    pub fn traps(_: &mut T) {
        #[cfg(target_arch = "wasm32")]
        core::arch::wasm32::unreachable();
    }

    pub fn faults(_: &mut T) {
        // SAFETY: none: in wasm, it traps.
        unsafe { black_box(0xffff_fff0_usize as *mut u64).write_volatile(1) };
    }

    pub fn overflows(_: &mut T) {
        #[allow(unconditional_recursion)]
        fn deeper(n: u64) -> u64 {
            black_box(deeper(black_box(n + 1)) + 1)
        }
        deeper(0);
    }

    pub fn exits(_: &mut T) {
        std::process::exit(3)
    }

    pub fn exits_with_0(_: &mut T) {
        std::process::exit(0)
    }

    pub fn hangs(_: &mut T) {
        loop {
            black_box(());
        }
    }

    pub fn eats_memory(_: &mut T) {
        loop {
            std::mem::forget(black_box(vec![1_u8; 1 << 16]));
        }
    }

    pub fn prints_for_ever(_: &mut T) {
        let zeros = File::open("/fixtures/hello.txt").unwrap();
        loop {
            std::io::Read::read(&mut &zeros, &mut [0; 16]).unwrap();
            std::io::Seek::rewind(&mut &zeros).unwrap();
        }
    }
}

type Ending = fn(&mut T);

/// What a test can have when it ends.
mod feature {
    use super::*;

    /// A clean-up gives back what the test holds.
    pub fn cleaned(t: &mut T, ending: Ending) {
        open(t);
        ending(t);
    }

    /// Clean-ups have an order of their own, and each fails: the report lists them as they ran.
    pub fn clean_ups_in_order(t: &mut T, ending: Ending) {
        t.cleanup(|| panic!("fourth"));
        let scope = t.scope();
        t.register(Cleanup::new("early").priority(5).then(|| panic!("first")).then(move || {
            scope.cleanup(|| panic!("third, of a clean-up"));
            panic!("second")
        }));
        t.register(Cleanup::new("late").priority(-5).then(|| std::process::exit(0)));
        ending(t);
    }

    /// A clean-up that hangs keeps no other from running.
    pub fn a_clean_up_hangs(t: &mut T, ending: Ending) {
        open(t);
        t.register(Cleanup::new("hangs").then(|| {
            loop {
                black_box(());
            }
        }));
        open(t);
        ending(t);
    }

    /// It ends in a subtest; the test goes on where it can.
    pub fn in_a_subtest(t: &mut T, ending: Ending) {
        open(t);
        t.run("before", open_one);
        t.run("case", |t| {
            open(t);
            ending(t);
        });
        t.run("after", open_one);
    }

    /// It ends in a subtest of a subtest.
    pub fn in_an_inner_subtest(t: &mut T, ending: Ending) {
        t.run("outer", |t| {
            open(t);
            t.run("inner", |t| {
                t.register(Cleanup::new("of inner").then(|| panic!("cleaning inner")));
                ending(t);
            });
            t.run("beside", open_one);
        });
        t.run("after", |_| {});
    }

    /// It ends in a fork: the test goes on, and other forks run.
    pub fn in_a_fork(t: &mut T, ending: Ending) {
        open(t);
        t.fork("before", open_one);
        t.run("outer", |t| {
            open(t);
            t.fork("case", |t| {
                open(t);
                std::mem::forget(t.track("Pool", "left"));
                t.register(Cleanup::new("of the fork").then(|| panic!("cleaning up")));
                ending(t);
            });
        });
        t.fork("after", open_one);
    }

    /// It ends when it has forked, and what it forked runs all the same.
    pub fn after_forks(t: &mut T, ending: Ending) {
        open(t);
        t.fork("passes", open_one);
        t.fork("leaks", |_| std::mem::forget(File::create("/tmp/left").unwrap()));
        ending(t);
    }

    /// It ends when subtests of it have ended.
    pub fn after_subtests(t: &mut T, ending: Ending) {
        open(t);
        t.run("passes", open_one);
        t.run("skips", |t| t.skip("later"));
        ending(t);
    }

    /// The same, when one of them failed.
    pub fn after_a_failed_subtest(t: &mut T, ending: Ending) {
        t.run("fails", |t| t.fail("first of all"));
        ending(t);
    }

    /// A subtest left a file open.
    pub fn after_a_leak(t: &mut T, ending: Ending) {
        t.run("leaks", |_| std::mem::forget(File::create("/tmp/left").unwrap()));
        ending(t);
    }

    /// Resources of its own kind are released, by the test and by a clean-up, or left.
    pub fn with_tracked(t: &mut T, ending: Ending) {
        let released = t.track("Pool", "released");
        let in_a_clean_up = t.track("Pool", "in a clean-up");
        t.cleanup(move || drop(in_a_clean_up));
        t.run("case", |t| std::mem::forget(t.track("Mock", "left")));
        drop(released);
        ending(t);
    }

    /// Files outlived the subtests that opened them.
    pub fn after_a_pile_up(t: &mut T, ending: Ending) {
        let mut files = Vec::new();
        for _ in 0..3 {
            t.run("case", |_| files.push(File::create("/tmp/piled").unwrap()));
        }
        drop(files);
        ending(t);
    }

    /// One task has ended, and others wait: of the test, and of a subtest that has ended.
    pub fn with_tasks(t: &mut T, ending: Ending) {
        let ended = t.spawn(async {});
        t.block_on(ended).unwrap();
        t.run("case", |t| drop(t.spawn(std::future::pending::<()>()).named("of a subtest")));
        let _waits = t.spawn(std::future::pending::<()>()).named("of the test");
        ending(t);
    }

    /// An asynchronous test comes to it while a task waits.
    pub fn in_an_async_test(t: &mut T, ending: Ending) {
        airtight::__private::block_on(t, async |t: &mut T| {
            let _waits = t.spawn(std::future::pending::<()>()).named("beside it");
            airtight::yield_now().await;
            ending(t);
        });
    }
}

/// Opens a file that a clean-up closes.
fn open(t: &T) {
    let fd = File::create("/tmp/open").unwrap().into_raw_fd() as u32;
    t.cleanup(move || assert_eq!(plain::close(fd), 0));
}

fn open_one(t: &mut T) {
    open(t);
}

/// For each feature a module, and in it for each ending a test.
macro_rules! matrix {
    ($($feature:ident)* ; $endings:tt) => {
        $(matrix!(@feature $feature $endings);)*
    };
    (@feature $feature:ident ($($ending:ident)*)) => {
        mod $feature {
            $(
                #[airtight::test]
                fn $ending(t: &mut airtight::T) {
                    super::feature::$feature(t, super::ending::$ending);
                }
            )*
        }
    };
}

matrix! {
    cleaned
    clean_ups_in_order
    a_clean_up_hangs
    in_a_subtest
    in_an_inner_subtest
    in_a_fork
    after_forks
    after_subtests
    after_a_failed_subtest
    after_a_leak
    after_a_pile_up
    with_tracked
    with_tasks
    in_an_async_test
    ;
    (
        returns fails fatal skips panics fails_and_panics traps faults overflows exits exits_with_0 hangs eats_memory
        prints_for_ever
    )
}
