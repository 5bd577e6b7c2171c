//! The same, mended: nothing is to be said of any of them.

use faults::*;
use std::fs;
use std::io;

/// What the tests need, made at one place, so that of it nothing is left when making it fails.
fn data() -> io::Result<Temporary> {
    let data = Temporary::new("/tmp/data");
    fs::write("/tmp/data", "contents")?;
    Ok(data)
}

#[test]
fn temporary_file_stays() -> io::Result<()> {
    temporary::mended(b"contents")
}

#[test]
fn half_of_it_is_written() -> io::Result<()> {
    in_place::mended(b"contents")
}

#[test]
fn descriptor_stays_open() -> io::Result<()> {
    let _file = Temporary::new("/tmp/descriptor");
    descriptor::mended(b"contents")
}

#[test]
fn descriptor_is_closed_twice() -> io::Result<()> {
    let _file = Temporary::new("/tmp/descriptor");
    descriptor::writes_before_close(b"contents")
}

#[test]
fn first_descriptor_is_forgotten() -> io::Result<()> {
    descriptor::keeps_both_in_mind()
}

#[test]
fn lock_stays() -> io::Result<()> {
    let _data = data()?;
    lock::mended().map(drop)
}

#[test]
fn directory_stays() -> io::Result<()> {
    directories::mended()
}

#[test]
fn panics_on_the_error() -> io::Result<()> {
    let _data = data()?;
    demand::mended().map(drop)
}

#[test]
fn waits_for_ever() -> io::Result<()> {
    let _data = data()?;
    wait::mended().map(drop)
}

#[test]
fn takes_a_broken_file_for_an_empty_one() -> io::Result<()> {
    let _data = data()?;
    default::mended().map(drop)
}

#[test]
fn writes_on_after_a_failed_write() -> io::Result<()> {
    report::mended(&["a", "longer", "report"])
}

#[test]
fn takes_half_for_all() -> io::Result<()> {
    short::mended(b"contents")
}

#[test]
fn memory_is_not_given_back() -> io::Result<()> {
    let _data = data()?;
    memory::mended().map(drop)
}

#[test]
fn clean_up_fails_too() -> io::Result<()> {
    set_aside::mended(b"contents")
}

#[test]
fn wakes_up_late() -> io::Result<()> {
    nap::mended()
}

#[test]
fn name_is_published_late() -> io::Result<()> {
    publish::mended(b"contents")
}

#[test]
fn room_is_made_first() -> io::Result<()> {
    room::mended()
}

#[test]
fn is_as_old_as_another() -> io::Result<()> {
    let _data = data()?;
    stamp::mended()
}

#[test]
fn names_are_listed() -> io::Result<()> {
    let _data = data()?;
    listing::mended().map(drop)
}

#[test]
fn record_is_replaced_in_place() -> io::Result<()> {
    fs::write("/tmp/data", "contents")?;
    record::mended(b"anything")
}

#[test]
fn file_is_lent() -> io::Result<()> {
    lent::mended(&fs::File::create("/tmp/lent")?, b"contents")
}

#[test]
fn memory_lacks_with_a_file_open() -> io::Result<()> {
    let _data = data()?;
    room_in_memory::with_a_file_open_mended(1000)
}

#[test]
fn memory_lacks_under_a_lock() -> io::Result<()> {
    room_in_memory::with_a_lock_mended(50)
}

#[test]
fn memory_lacks_for_the_second_of_two() -> io::Result<()> {
    room_in_memory::pair_mended()
}

#[test]
fn memory_lacks_in_a_later_round() -> io::Result<()> {
    room_in_memory::tables_mended()
}

#[test]
fn later_part_cannot_be_written() -> io::Result<()> {
    parts::mended()
}

#[test]
fn writes_the_end_of_what_is_not_there() -> io::Result<()> {
    buffered::mended(b"contents")
}

#[test]
fn half_is_written_anew() -> io::Result<()> {
    begun_anew::mended(b"contents")
}

/// A function of the tests, which demands what it needs: that it panics is told of nobody.
fn demanded() -> Vec<u8> {
    fs::read("/tmp/data").unwrap()
}

#[test]
fn test_demands_by_a_function_of_its_own() -> io::Result<()> {
    fn within() -> u64 {
        fs::metadata("/tmp/data").unwrap().len()
    }
    fs::write("/tmp/data", "contents")?;
    assert_eq!(demanded().len() as u64, within());
    fs::remove_file("/tmp/data")
}
