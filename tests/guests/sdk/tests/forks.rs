//! Forked subtests: each begins where its test stands, in an instance of its own, and its test sees nothing of it.

use airtight::T;
use std::cell::{Cell, RefCell};
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Seek, Write};
use std::os::fd::IntoRawFd;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

static COUNT: AtomicU32 = AtomicU32::new(5);
static IN_FORK: AtomicBool = AtomicBool::new(false);

/// Opens a file that a clean-up of the test or subtest closes.
fn open(t: &T, path: &str) {
    let fd = File::create(path).unwrap().into_raw_fd() as u32;
    t.cleanup(move || assert_eq!(plain::close(fd), 0));
}

#[airtight::test]
fn pass_each_has_the_world_to_itself(t: &mut T) {
    let mut numbers = vec![1, 2, 3];
    let mut log = File::options().read(true).write(true).create_new(true).open("/tmp/log").unwrap();
    log.write_all(b"ab").unwrap();
    for name in ["one", "two", "one"] {
        t.fork(name, |t| {
            assert!(t.name().starts_with("pass_each_has_the_world_to_itself/"));
            assert_eq!((&numbers[..], COUNT.fetch_add(1, Ordering::Relaxed)), (&[1, 2, 3][..], 5));
            numbers.extend(4..1_000);
            log.write_all(b"cd").unwrap();
            log.rewind().unwrap();
            let mut text = String::new();
            log.read_to_string(&mut text).unwrap();
            assert_eq!(text, "abcd");
            fs::write("/tmp/of-the-fork", name).unwrap();
            fs::remove_file("/tmp/of-the-fork").unwrap();
        });
        assert_eq!((numbers.len(), COUNT.load(Ordering::Relaxed), log.stream_position().unwrap()), (3, 5, 2));
    }
    fs::remove_file("/tmp/log").unwrap();
}

#[airtight::test]
fn pass_later_forks_see_what_the_test_did(t: &mut T) {
    let mut made = Vec::new();
    for round in 0..4 {
        made.push(format!("number {round}"));
        t.fork("", |_| assert_eq!(made.len(), round + 1));
        t.run(&format!("in place {round}"), |_| made[round].push('!'));
    }
    assert_eq!(made.concat(), "number 0!number 1!number 2!number 3!");
}

/// In a fork, a clean-up of the test would fail.
#[airtight::test]
fn pass_clean_ups_are_those_of_the_fork(t: &mut T) {
    t.cleanup(|| assert!(!IN_FORK.load(Ordering::Relaxed)));
    open(t, "/tmp/of-the-test");
    t.run("around", |t| {
        t.cleanup(|| assert!(!IN_FORK.load(Ordering::Relaxed)));
        t.fork("fork", |t| {
            IN_FORK.store(true, Ordering::Relaxed);
            open(t, "/tmp/of-the-fork");
            t.run("inner", |t| open(t, "/tmp/of-the-inner-one"));
        });
    });
    t.fork("hangs", |t| {
        IN_FORK.store(true, Ordering::Relaxed);
        open(t, "/tmp/of-the-fork");
    });
}

#[airtight::test]
fn pass_what_is_the_test_s_is_no_leak_of_a_fork(t: &mut T) {
    let shared = Rc::new(RefCell::new(vec![Box::new(1)]));
    let kept = Rc::clone(&shared);
    let file = Cell::new(Some(File::create("/tmp/of-the-test").unwrap()));
    let text = String::from("a text of the test");
    t.fork("adds to what the test holds", |_| {
        shared.borrow_mut().extend((0..100).map(Box::new));
        // It is the test that holds the list by another name.
        drop(shared);
    });
    t.fork("closes and frees what the test made", |_| {
        drop(file.take());
        drop(text);
    });
    assert!(file.take().is_some());
    assert_eq!(kept.borrow().len(), 1);
}

#[airtight::test]
fn leak_in_a_fork(t: &mut T) {
    t.fork("file", |_| std::mem::forget(File::create("/tmp/left").unwrap()));
    t.fork("heap", |_| std::mem::forget(black_box(vec![1_u8; 100])));
    t.fork("inner", |t| {
        t.run("block", |_| std::mem::forget(black_box(vec![1_u8; 50])));
        t.fork("tracked", |t| std::mem::forget(t.track("Pool", "left")));
    });
    t.fork("nothing", |t| open(t, "/tmp/closed"));
}

#[airtight::test]
fn fail_in_some_forks(t: &mut T) {
    let expected = String::from("expected");
    t.fork("passes", |_| assert_eq!(expected, "expected"));
    t.fork("panics", |t| {
        open(t, "/tmp/closed");
        assert_eq!(expected, "another");
    });
    t.fork("fatal", |t| t.fatal("at once"));
    t.fork("returns an error", |_| "x".parse::<u32>().map(drop));
    t.fork("skips", |t| t.skip("not here"));
    t.fork("cleans up badly", |t| t.cleanup(|| panic!("while cleaning")));
    t.log("goes on");
}

#[airtight::test]
fn fail_where_forks_do_not_end_by_themselves(t: &mut T) {
    open(t, "/tmp/of-the-test");
    t.fork("exits", |t| {
        open(t, "/tmp/closed");
        std::process::exit(0)
    });
    t.fork("hangs", |t| {
        open(t, "/tmp/closed");
        loop {
            black_box(());
        }
    });
    t.fork("eats memory", |_| {
        let mut all = Vec::new();
        loop {
            all.push(black_box(vec![1_u8; 1 << 20]));
        }
    });
    t.fork("faults", |_| {
        // SAFETY: none: in wasm, it traps.
        unsafe { black_box(0xffff_fff0_usize as *mut u64).write_volatile(1) };
    });
}

#[airtight::test]
fn fail_in_a_fork_of_a_subtest(t: &mut T) {
    assert!(t.run("outer", |t| {
        t.fork("inner", |t| {
            t.run("innermost", |t| t.fail("wrong"));
        });
        t.run("beside", |_| {});
    }));
}

#[airtight::test]
fn fail_by_itself_and_in_a_fork(t: &mut T) {
    t.fork("fork", |t| t.fail("of the fork"));
    t.fail("of the test");
}

#[airtight::test]
fn pass_forks_fork(t: &mut T) {
    let mut path = vec![0];
    t.fork("a", |t| {
        path.push(1);
        for name in ["b", "c"] {
            t.fork(name, |t| {
                path.push(2);
                assert_eq!((&path[..], t.name()), (&[0, 1, 2][..], &*format!("pass_forks_fork/a/{name}")));
                t.run("d", |_| path.push(3));
            });
        }
        assert_eq!(path, [0, 1]);
    });
    assert_eq!(path, [0]);
}

#[airtight::test]
fn fail_with_a_file_of_the_host(t: &mut T) {
    t.fork("before", |_| {});
    let file = File::open("/fixtures/hello.txt").unwrap();
    t.fork("while it is open", |_| {});
    drop(file);
    t.fork("after", |_| drop(File::open("/fixtures/hello.txt").unwrap()));
}

#[airtight::test(should_panic = "of the test")]
fn pass_the_panic_is_the_test_s(t: &mut T) {
    t.fork("passes", |t| {
        t.run("inner", |_| {});
    });
    panic!("of the test");
}

#[airtight::test(should_panic)]
fn fail_a_panic_in_a_fork_is_not_expected(t: &mut T) {
    t.fork("panics", |_| panic!("of the fork"));
    panic!("of the test");
}

#[airtight::test]
async fn pass_forked_while_tasks_wait(t: &mut T) {
    let (context, seen) = (t.context(), Rc::new(Cell::new(0)));
    let task = t.spawn({
        let seen = Rc::clone(&seen);
        async move {
            while !context.is_cancelled() {
                seen.set(seen.get() + 1);
                airtight::yield_now().await;
            }
        }
    });
    airtight::yield_now().await;
    let before = seen.get();
    t.fork("fork", |t| {
        assert_eq!(seen.get(), before);
        let own = t.spawn(async { 7 });
        assert_eq!(t.block_on(own).unwrap(), 7);
    });
    t.context().cancel();
    task.await.unwrap();
}

/// Two mebibytes, of which each fork has its own.
#[airtight::test]
fn pass_a_fixture_forked_fifty_times(t: &mut T) {
    let mut fixture = vec![0_u8; 2 << 20];
    fixture.chunks_mut(4096).for_each(|page| page[0] = 7);
    for nth in 0..50 {
        t.fork(&nth.to_string(), |_| {
            assert_eq!((fixture[nth << 15], fixture[(nth + 1) << 15]), (7, 7));
            fixture[nth << 15] = 0;
            fixture[(nth + 1) << 15] = 0;
        });
    }
}

#[airtight::test]
fn pass_what_was_printed_is_printed_once(t: &mut T) {
    print!("by the test, ");
    t.fork("prints", |_| print!("by the fork"));
    println!("as a whole");
}

/// A fork asks for as much memory after many others as it did after the first.
#[airtight::test]
fn pass_forks_cost_the_same_however_many_there_were(t: &mut T) {
    let mallocs = |t: &mut T| {
        let before = airtight::mem_stats().mallocs;
        t.fork("case", |_| {});
        airtight::mem_stats().mallocs.zip(before).map(|(after, before)| after - before)
    };
    t.fork("case", |_| {});
    let Some(first) = mallocs(t) else { t.fatal("cannot be judged: heap not tracked") };
    for nth in 0..50 {
        t.fork(&format!("other {nth}"), |_| {});
    }
    assert_eq!(mallocs(t), Some(first));
}
