//! Time and chance: the same in every run, unless the profile says otherwise. What depends on that is ignored here, and run
//! by the tests that say so.

use std::collections::HashSet;
use std::fs;
use std::time::{Duration, Instant, SystemTime};

const HOUR: Duration = Duration::from_secs(3600);

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
}

#[test]
fn pass_the_clock_starts_in_2024() {
    let start = Duration::from_secs(1_704_067_200);
    assert!((start..start + Duration::from_secs(1)).contains(&since_1970()), "{:?}", since_1970());
}

#[test]
fn pass_both_clocks_sleep() {
    let (began, wall) = (Instant::now(), since_1970());
    for _ in 0..24 {
        std::thread::sleep(HOUR);
    }
    let (took, passed) = (began.elapsed(), since_1970() - wall);
    let day = 24 * HOUR;
    assert!(took >= day && took < day + Duration::from_secs(1), "{took:?}");
    assert!(passed >= day && passed < day + Duration::from_secs(1), "{passed:?}");
}

/// Time stands at its end, 584 years on.
#[test]
fn pass_the_longest_sleep_ends() {
    std::thread::sleep(Duration::from_nanos(u64::MAX));
    let end = Instant::now();
    std::thread::sleep(HOUR);
    assert_eq!(Instant::now(), end);
}

#[test]
fn pass_a_sleep_of_nothing_takes_next_to_nothing() {
    let began = Instant::now();
    std::thread::sleep(Duration::ZERO);
    assert!(began.elapsed() < Duration::from_millis(1));
}

#[test]
fn pass_work_takes_time() {
    let began = Instant::now();
    let sum = (0..1000_u32).fold(0, |sum, n| std::hint::black_box(sum + n));
    assert!(sum > 0 && began.elapsed() > Duration::from_nanos(1000), "{:?}", began.elapsed());
}

#[test]
fn pass_files_have_the_clock_s_times() {
    fs::write("/tmp/early", "").unwrap();
    std::thread::sleep(HOUR);
    let before = SystemTime::now();
    fs::write("/tmp/late", "").unwrap();
    let modified = |path| fs::metadata(path).unwrap().modified().unwrap();
    assert!(modified("/tmp/late") >= before && modified("/tmp/late") <= SystemTime::now());
    assert!(modified("/tmp/early") + HOUR <= before);
    fs::remove_file("/tmp/early").unwrap();
    fs::remove_file("/tmp/late").unwrap();
}

/// In half of all orders.
#[test]
#[ignore = "depends on the seed"]
fn skip_the_first_of_a_hash_set_is_even() {
    let set: HashSet<u32> = (0..16).collect();
    let order: Vec<u32> = set.into_iter().collect();
    assert_eq!(order[0] % 2, 0, "{order:?}");
}

#[test]
#[ignore = "depends on real time"]
fn skip_says_what_time_it_is() {
    panic!("{:?}", since_1970());
}

#[test]
#[ignore = "depends on real time"]
fn skip_sleeps_for_a_moment() {
    std::thread::sleep(Duration::from_millis(300));
}

#[test]
#[ignore = "depends on real time"]
fn skip_sleeps_for_an_hour() {
    std::thread::sleep(HOUR);
}
