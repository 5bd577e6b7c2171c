//! What threads do to the heap. The name of each begins with its verdict; what each leaves is said in `tests/threads_heap.rs`.

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

fn lose(size: usize) {
    std::mem::forget(black_box(vec![0_u8; size]));
}

#[test]
fn leak_lost_in_a_thread() {
    thread::spawn(|| lose(40)).join().unwrap();
}

#[test]
fn leak_lost_by_each_of_four() {
    let losers: Vec<_> = (0..4).map(|_| thread::spawn(|| (0..3).for_each(|_| lose(100)))).collect();
    losers.into_iter().for_each(|loser| loser.join().unwrap());
}

#[test]
fn pass_freed_by_another_thread() {
    let (send, receive) = mpsc::channel();
    let sender = thread::spawn(move || (0..200).for_each(|n| send.send(vec![n; 50]).unwrap()));
    assert_eq!(receive.iter().map(|sent| sent.len()).sum::<usize>(), 10_000);
    sender.join().unwrap();
}

#[test]
fn pass_all_that_threads_do_to_one_vector() {
    let all = Arc::new(Mutex::new(Vec::new()));
    let writers: Vec<_> = (0..5)
        .map(|n| {
            let all = Arc::clone(&all);
            thread::spawn(move || (0..100).for_each(|m| all.lock().unwrap().push(format!("{n}.{m}"))))
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert_eq!(all.lock().unwrap().len(), 500);
}

#[test]
fn pass_kept_in_a_static() {
    static KEPT: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
    KEPT.lock().unwrap().reserve_exact(4);
    let keepers: Vec<_> = (0..3).map(|_| thread::spawn(|| KEPT.lock().unwrap().push(vec![1; 64]))).collect();
    keepers.into_iter().for_each(|keeper| keeper.join().unwrap());
}

#[test]
fn pass_thread_locals() {
    thread_local! { static OWN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) } }
    let threads: Vec<_> = (1..4).map(|n| thread::spawn(move || OWN.with_borrow_mut(|own| own.resize(n * 100, 0)))).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn pass_a_detached_thread_that_ended() {
    for _ in 0..3 {
        drop(thread::spawn(|| drop(black_box(vec![1_u8; 30]))));
    }
    thread::sleep(Duration::from_millis(1));
}

#[test]
fn leak_a_list_whose_head_a_thread_lost() {
    thread::spawn(|| {
        struct Node(#[allow(dead_code)] Option<Box<Node>>);
        let mut head = None;
        for _ in 0..100 {
            head = Some(Box::new(Node(head)));
        }
        std::mem::forget(black_box(head));
    })
    .join()
    .unwrap();
}

/// Words that are addresses of the heap, and no pointers.
static NUMBERS: [AtomicUsize; 512] = {
    let mut numbers = [const { AtomicUsize::new(0) }; 512];
    let mut at = 0;
    while at < 512 {
        numbers[at] = AtomicUsize::new(at << 14);
        at += 1;
    }
    numbers
};

#[test]
fn leak_that_numbers_point_into() {
    assert!(NUMBERS.iter().map(|number| number.load(Ordering::Relaxed)).sum::<usize>() > 0);
    thread::spawn(|| lose(1 << 18)).join().unwrap();
}

/// The stack of a detached thread that has ended is kept by the C library until the next one ends.
#[test]
fn leak_what_a_dead_stack_knows() {
    thread::spawn(|| {
        let mut known = [std::ptr::null_mut::<u8>(); 64];
        known.fill(Box::into_raw(vec![0_u8; 72].into_boxed_slice()).cast());
        black_box(&mut known);
    });
    thread::sleep(Duration::from_millis(1));
}

/// What a thread that has not ended may hold is not lost for certain.
#[test]
fn leak_a_thread_with_what_it_holds() {
    thread::spawn(|| {
        let mut held = black_box(vec![0_u8; 500]);
        loop {
            thread::park();
            held[0] += 1;
            black_box(&mut held);
        }
    });
    thread::sleep(Duration::from_secs(1));
}

#[test]
fn pass_a_pointer_that_threads_pass_on() {
    static SHARED: AtomicPtr<Vec<u8>> = AtomicPtr::new(std::ptr::null_mut());
    let makes = thread::spawn(|| SHARED.store(Box::into_raw(Box::new(vec![7; 10])), Ordering::Release));
    let takes = thread::spawn(|| {
        loop {
            let taken = SHARED.swap(std::ptr::null_mut(), Ordering::Acquire);
            if !taken.is_null() {
                // The other thread gave it away.
                return unsafe { Box::from_raw(taken) }.len();
            }
            thread::yield_now();
        }
    });
    makes.join().unwrap();
    assert_eq!(takes.join().unwrap(), 10);
}
