//! What threads do wrong.

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use std::sync::{Arc, Mutex};
    use std::thread;
    use std::time::Duration;

    /// Refreshes something for ever.
    fn start_cache() {
        thread::spawn(|| {
            loop {
                thread::sleep(Duration::from_secs(30));
            }
        });
    }

    #[test]
    fn refreshes() {
        start_cache();
    }

    #[test]
    fn locks_in_two_orders() {
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
    fn counts() {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let add = || {
            for _ in 0..20 {
                COUNT.store(COUNT.load(Relaxed) + 1, Relaxed);
            }
        };
        thread::scope(|scope| {
            scope.spawn(add);
            scope.spawn(add);
        });
        assert_eq!(COUNT.load(Relaxed), 40);
    }
}
