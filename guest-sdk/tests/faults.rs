//! Calls that a test lets fail: elsewhere than under airtight nothing fails.

use airtight_sdk as airtight;

use airtight::{Call, Failure};

#[airtight::test]
#[should_panic = "is not how `rename` can fail"]
fn what_cannot_be_is_refused(t: &mut airtight::T) {
    t.fail_next(Call::Rename, Failure::Late);
}

#[cfg(all(target_os = "wasi", target_env = "p1"))]
mod under_airtight {
    use super::*;
    use std::fs;
    use std::io::{ErrorKind, Read, Write};
    use std::time::{Duration, Instant};

    #[airtight::test]
    fn the_next_call_of_the_kind_fails_and_no_other(t: &mut airtight::T) {
        let dir = t.temp_dir();
        t.fail_next(Call::Write, Failure::NoSpace);
        let refused = fs::write(dir.join("a"), "a").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::StorageFull);
        fs::write(dir.join("a"), "a").unwrap();
        println!("standard streams do not count");
    }

    #[airtight::test]
    fn less_is_moved_than_was_asked_for(t: &mut airtight::T) {
        let path = t.temp_dir().join("a");
        let mut file = fs::File::create(&path).unwrap();
        t.fail_next(Call::Write, Failure::Short);
        assert_eq!(file.write(b"12345678").unwrap(), 4);
        assert_eq!(file.write(b"5678").unwrap(), 4);
        let mut file = fs::File::open(&path).unwrap();
        t.fail_next(Call::Read, Failure::Short);
        let mut buffer = [0; 16];
        assert_eq!(file.read(&mut buffer).unwrap(), 1);
        assert_eq!(file.read(&mut buffer).unwrap(), 7);
    }

    #[airtight::test]
    fn what_fails_to_close_is_closed(t: &mut airtight::T) {
        let path = t.temp_dir().join("a");
        let file = fs::File::create(&path).unwrap();
        t.fail_next(Call::Close, Failure::Io);
        drop(file);
    }

    #[airtight::test]
    fn a_sleep_ends_a_minute_late(t: &mut airtight::T) {
        t.fail_next(Call::Sleep, Failure::Late);
        let began = Instant::now();
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(began.elapsed().as_secs(), 61);
    }
}
