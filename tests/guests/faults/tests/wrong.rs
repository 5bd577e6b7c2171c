//! Each of these passes, and its way out of a failure is wrong.

use faults::*;
use std::fs;
use std::io;

#[test]
fn temporary_file_stays() -> io::Result<()> {
    temporary::wrong(b"contents")
}

#[test]
fn half_of_it_is_written() -> io::Result<()> {
    in_place::wrong(b"contents")
}

#[test]
fn descriptor_stays_open() -> io::Result<()> {
    descriptor::wrong(b"contents")
}

#[test]
fn descriptor_is_closed_twice() -> io::Result<()> {
    descriptor::closes_twice(b"contents")
}

#[test]
fn descriptor_is_used_after_its_close() -> io::Result<()> {
    descriptor::writes_after_close(b"contents")
}

#[test]
fn first_descriptor_is_forgotten() -> io::Result<()> {
    descriptor::forgets_the_first()
}

#[test]
fn lock_stays() -> io::Result<()> {
    fs::write("/tmp/data", "contents")?;
    lock::wrong().map(drop)
}

#[test]
fn directory_stays() -> io::Result<()> {
    directories::wrong()
}

#[test]
fn panics_on_the_error() -> io::Result<()> {
    fs::write("/tmp/data", "contents")?;
    demand::wrong().map(drop)
}

#[test]
fn waits_for_ever() -> io::Result<()> {
    fs::write("/tmp/data", "contents")?;
    wait::wrong().map(drop)
}

#[test]
fn takes_a_broken_file_for_an_empty_one() -> io::Result<()> {
    fs::write("/tmp/data", "contents")?;
    default::wrong().map(drop)
}

#[test]
fn writes_on_after_a_failed_write() -> io::Result<()> {
    report::wrong(&["a", "longer", "report"])
}

#[test]
fn takes_half_for_all() -> io::Result<()> {
    short::wrong(b"contents")
}

#[test]
fn memory_is_not_given_back() -> io::Result<()> {
    fs::write("/tmp/data", "contents")?;
    memory::wrong().map(drop)
}

#[test]
fn clean_up_fails_too() -> io::Result<()> {
    set_aside::wrong(b"contents")
}

#[test]
fn wakes_up_late() -> io::Result<()> {
    nap::wrong()
}

#[test]
fn name_is_published_late() -> io::Result<()> {
    publish::wrong(b"contents")
}

#[test]
fn room_is_made_first() -> io::Result<()> {
    room::wrong()
}

#[test]
fn is_as_old_as_another() -> io::Result<()> {
    fs::write("/tmp/data", "contents")?;
    stamp::wrong()
}

#[test]
fn names_are_listed() -> io::Result<()> {
    fs::write("/tmp/data", "contents")?;
    listing::wrong().map(drop)
}

#[test]
fn memory_lacks_with_a_file_open() -> io::Result<()> {
    fs::write("/tmp/data", "contents")?;
    room_in_memory::with_a_file_open_wrong(1000)
}

#[test]
fn memory_lacks_under_a_lock() -> io::Result<()> {
    room_in_memory::with_a_lock_wrong(50)
}

#[test]
fn memory_lacks_for_the_second_of_two() -> io::Result<()> {
    room_in_memory::pair_wrong()
}

#[test]
fn memory_lacks_in_a_later_round() -> io::Result<()> {
    room_in_memory::tables_wrong()
}

#[test]
fn later_part_cannot_be_written() -> io::Result<()> {
    parts::wrong()
}

#[test]
fn writes_the_end_of_what_is_not_there() -> io::Result<()> {
    buffered::wrong(b"contents")
}

#[test]
fn half_is_written_anew() -> io::Result<()> {
    begun_anew::wrong(b"contents")
}
