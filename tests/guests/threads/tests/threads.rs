//! Tests with threads. The name of each begins with its verdict.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Barrier, Condvar, Mutex, Once, OnceLock, RwLock};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn pass_spawn_and_join() {
    let handles: Vec<_> = (0..4).map(|n| thread::spawn(move || n * n)).collect();
    let squares: Vec<i32> = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
    assert_eq!(squares, [0, 1, 4, 9]);
}

#[test]
fn pass_scope() {
    let mut numbers = vec![1, 2, 3];
    let sum = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| sum.fetch_add(numbers.iter().sum(), Ordering::Relaxed));
        scope.spawn(|| sum.fetch_add(10, Ordering::Relaxed));
    });
    numbers.push(4);
    assert_eq!(sum.into_inner(), 16);
}

#[test]
fn pass_channels() {
    let (send, receive) = mpsc::channel();
    let senders: Vec<_> = (0..3)
        .map(|n| {
            let send = send.clone();
            thread::spawn(move || (0..50).for_each(|m| send.send(n * 100 + m).unwrap()))
        })
        .collect();
    drop(send);
    let mut all: Vec<u32> = receive.iter().collect();
    all.sort_unstable();
    assert_eq!(all.len(), 150);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
}

#[test]
fn pass_a_bounded_channel() {
    let (send, receive) = mpsc::sync_channel(1);
    let sender = thread::spawn(move || (0..20).for_each(|n| send.send(n).unwrap()));
    assert_eq!(receive.iter().sum::<u32>(), 190);
    sender.join().unwrap();
}

#[test]
fn pass_a_condition_variable() {
    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    let other = Arc::clone(&pair);
    let teller = thread::spawn(move || {
        thread::sleep(Duration::from_millis(5));
        *other.0.lock().unwrap() = true;
        other.1.notify_one();
    });
    let (told, changed) = &*pair;
    drop(changed.wait_while(told.lock().unwrap(), |told| !*told).unwrap());
    teller.join().unwrap();
}

#[test]
fn pass_time_moves_only_when_all_sleep() {
    let began = Instant::now();
    let sleepers: Vec<_> = (1..=3).map(|n| thread::spawn(move || thread::sleep(Duration::from_secs(100 * n)))).collect();
    sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(300) && took < Duration::from_secs(301), "{took:?}");
}

#[test]
fn pass_a_wait_that_times_out() {
    let (_send, receive) = mpsc::channel::<()>();
    let began = Instant::now();
    assert_eq!(receive.recv_timeout(Duration::from_secs(5)), Err(RecvTimeoutError::Timeout));
    assert!(began.elapsed() >= Duration::from_secs(5));
}

#[test]
fn pass_spinning() {
    let turn = Arc::new(AtomicU32::new(0));
    let threads: Vec<_> = (0..6)
        .map(|own| {
            let turn = Arc::clone(&turn);
            thread::spawn(move || {
                for round in 0..20 {
                    while turn.load(Ordering::Acquire) != round * 6 + own {
                        std::hint::spin_loop();
                    }
                    turn.fetch_add(1, Ordering::Release);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(turn.load(Ordering::Relaxed), 120);
}

#[test]
fn pass_parking() {
    let woken = Arc::new(AtomicBool::new(false));
    let own = Arc::clone(&woken);
    let parked = thread::spawn(move || {
        while !own.load(Ordering::Acquire) {
            thread::park();
        }
    });
    woken.store(true, Ordering::Release);
    parked.thread().unpark();
    parked.join().unwrap();
    thread::park_timeout(Duration::from_secs(1));
}

#[test]
fn pass_a_barrier() {
    let barrier = Barrier::new(5);
    let leaders = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                for _ in 0..3 {
                    leaders.fetch_add(u32::from(barrier.wait().is_leader()), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(leaders.into_inner(), 3);
}

#[test]
fn pass_once_and_read_write_locks() {
    static ONCE: Once = Once::new();
    static CELL: OnceLock<u32> = OnceLock::new();
    let calls = AtomicU32::new(0);
    let lock = RwLock::new(0);
    thread::scope(|scope| {
        for n in 0..8 {
            let (calls, lock) = (&calls, &lock);
            scope.spawn(move || {
                ONCE.call_once(|| drop(calls.fetch_add(1, Ordering::Relaxed)));
                CELL.get_or_init(|| n);
                *lock.write().unwrap() += 1;
                let _ = *lock.read().unwrap();
            });
        }
    });
    assert_eq!((calls.into_inner(), lock.into_inner().unwrap()), (1, 8));
}

#[test]
fn pass_thread_locals() {
    thread_local! { static OWN: Cell<u32> = const { Cell::new(1) } }
    OWN.set(5);
    assert_eq!(thread::spawn(|| OWN.replace(7)).join().unwrap(), 1);
    assert_eq!(OWN.get(), 5);
}

#[test]
fn pass_destructors_of_thread_locals() {
    struct Tells(mpsc::Sender<u32>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(42).unwrap();
        }
    }
    thread_local! { static OWN: RefCell<Option<Tells>> = const { RefCell::new(None) } }
    let (send, receive) = mpsc::channel();
    thread::spawn(|| OWN.set(Some(Tells(send)))).join().unwrap();
    assert_eq!(receive.recv(), Ok(42));
}

#[test]
fn pass_many_short_threads() {
    for _ in 0..300 {
        thread::spawn(|| ()).join().unwrap();
    }
}

#[test]
fn pass_printing_from_threads() {
    let printers: Vec<_> = (0..3).map(|n| thread::spawn(move || println!("thread {n}"))).collect();
    printers.into_iter().for_each(|printer| printer.join().unwrap());
}

#[test]
fn pass_a_file_from_two_threads() {
    let path = "/tmp/both";
    std::fs::write(path, "one").unwrap();
    let read = thread::spawn(move || std::fs::read_to_string(path).unwrap()).join().unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!(read, "one");
}

#[test]
fn pass_available_parallelism() {
    // There is no function of the platform to ask: std says so.
    assert_eq!(thread::available_parallelism().unwrap_err().kind(), std::io::ErrorKind::Unsupported);
}

#[test]
fn pass_a_detached_thread_that_ended() {
    drop(thread::spawn(|| ()));
    thread::sleep(Duration::from_millis(1));
}

#[test]
fn fail_in_another_thread() {
    let waits = thread::spawn(|| panic!("not here"));
    let _ = waits.join();
}

#[test]
fn fail_while_others_wait() {
    let (_send, receive) = mpsc::channel::<()>();
    let _waits = thread::spawn(move || receive.recv());
    thread::sleep(Duration::from_millis(1));
    panic!("in the main thread");
}

#[test]
fn exit_from_another_thread() {
    let _ = thread::spawn(|| std::process::exit(7)).join();
}

#[test]
fn timeout_lock_order() {
    let (a, b) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
    let (a2, b2) = (Arc::clone(&a), Arc::clone(&b));
    let other = thread::spawn(move || {
        let _b = b2.lock().unwrap();
        thread::sleep(Duration::from_millis(1));
        let _a = a2.lock().unwrap();
    });
    let _a = a.lock().unwrap();
    thread::sleep(Duration::from_millis(1));
    let _b = b.lock().unwrap();
    other.join().unwrap();
}

#[test]
fn timeout_join_of_a_parked_thread() {
    thread::spawn(thread::park).join().unwrap();
}

#[test]
fn timeout_a_missing_notify() {
    let pair = (Mutex::new(false), Condvar::new());
    drop(pair.1.wait_while(pair.0.lock().unwrap(), |told| !*told).unwrap());
}

#[test]
fn timeout_endless_loops() {
    let endless = || while !std::hint::black_box(false) {};
    let _other = thread::spawn(endless);
    endless();
}

#[test]
fn leak_a_parked_thread() {
    drop(thread::spawn(thread::park));
    thread::sleep(Duration::from_secs(2));
}

#[test]
fn leak_a_job_that_nobody_stops() {
    let jobs = AtomicU32::new(0);
    let jobs: &'static AtomicU32 = Box::leak(Box::new(jobs));
    thread::spawn(move || loop {
        jobs.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(10));
    });
    while jobs.load(Ordering::Relaxed) < 3 {
        thread::yield_now();
    }
}

#[test]
fn leak_a_spinning_thread() {
    thread::spawn(|| while !std::hint::black_box(false) {});
}

#[test]
fn leak_three_workers_of_a_channel() {
    let (send, receive) = mpsc::channel::<()>();
    let receive = Arc::new(Mutex::new(receive));
    for _ in 0..3 {
        let receive = Arc::clone(&receive);
        thread::spawn(move || receive.lock().unwrap().recv());
    }
    thread::sleep(Duration::from_secs(1));
    std::mem::forget(send);
}

#[test]
fn pass_workers_that_end_with_their_channel() {
    let (send, receive) = mpsc::channel::<()>();
    for _ in 0..3 {
        let receive = Arc::new(Mutex::new(()));
        thread::spawn(move || drop(receive.lock()));
    }
    thread::spawn(move || receive.recv());
    drop(send);
}

#[test]
fn leak_a_thread_with_a_name() {
    thread::Builder::new().name("keeper".to_owned()).spawn(thread::park).unwrap();
    thread::spawn(|| ()).join().unwrap();
    thread::sleep(Duration::from_secs(1));
}

#[test]
#[should_panic(expected = "it is 7")]
fn pass_a_panic_that_is_expected() {
    let found = thread::spawn(|| 7).join().unwrap();
    panic!("it is {found}");
}

#[test]
#[should_panic]
fn pass_any_panic_while_another_thread_waits() {
    let (_send, receive) = mpsc::channel::<()>();
    let _waits = thread::spawn(move || receive.recv());
    thread::yield_now();
    panic!("whatever it says");
}

#[test]
#[should_panic(expected = "it is 8")]
fn fail_by_a_panic_that_says_something_else() {
    let found = thread::spawn(|| 7).join().unwrap();
    panic!("it is {found}");
}

#[test]
#[should_panic]
fn fail_without_the_panic_that_is_expected() {
    thread::spawn(|| ()).join().unwrap();
}

/// Natively, the panic of another thread is none of the test's.
#[test]
#[should_panic(expected = "not the test's")]
fn fail_by_the_panic_of_another_thread() {
    let _ = thread::spawn(|| panic!("not the test's")).join();
}

#[test]
fn leak_a_file_that_a_thread_opened_and_ended() {
    thread::spawn(|| std::mem::forget(std::fs::File::create("/tmp/left").unwrap())).join().unwrap();
    std::fs::remove_file("/tmp/left").unwrap();
}

#[test]
fn pass_parking_among_many() {
    let parked: Vec<_> = (0..20).map(|_| thread::spawn(thread::park)).collect();
    parked.iter().for_each(|parked| parked.thread().unpark());
    parked.into_iter().for_each(|parked| parked.join().unwrap());
}

#[test]
fn pass_the_directory_of_temporary_files_in_a_thread() {
    assert_eq!(thread::spawn(std::env::temp_dir).join().unwrap().to_str(), Some("/tmp"));
}

#[test]
fn timeout_join_of_a_thread_that_locks() {
    let lock = Arc::new(Mutex::new(()));
    let other = Arc::clone(&lock);
    let _held = lock.lock().unwrap();
    thread::spawn(move || drop(other.lock())).join().unwrap();
}
