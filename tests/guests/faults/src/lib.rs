//! Code whose way out of a failure is wrong, each beside its mended twin. Every function does its work where nothing fails.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, IntoRawFd};

unsafe extern "C" {
    fn close(fd: i32) -> i32;
    fn write(fd: i32, bytes: *const u8, len: usize) -> isize;
}

/// Removes a file when it is dropped, unless it was kept.
pub struct Temporary(Option<&'static str>);

impl Temporary {
    pub fn new(path: &'static str) -> Self {
        Self(Some(path))
    }

    pub fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

pub mod temporary {
    //! A file beside the one that is replaced.
    use super::*;

    pub fn wrong(bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create("/tmp/store.new")?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename("/tmp/store.new", "/tmp/store")
    }

    pub fn mended(bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create("/tmp/store.new")?;
        let temporary = Temporary::new("/tmp/store.new");
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename("/tmp/store.new", "/tmp/store")?;
        temporary.keep();
        Ok(())
    }
}

pub mod in_place {
    //! A file that is written where it is read.
    use super::*;

    pub fn wrong(bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create("/tmp/store")?;
        for part in bytes.chunks(4) {
            file.write_all(part)?;
        }
        Ok(())
    }

    pub fn mended(bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create("/tmp/store.new")?;
        let temporary = Temporary::new("/tmp/store.new");
        for part in bytes.chunks(4) {
            file.write_all(part)?;
        }
        fs::rename("/tmp/store.new", "/tmp/store")?;
        temporary.keep();
        Ok(())
    }
}

pub mod descriptor {
    //! A descriptor that the code closes itself.
    use super::*;

    fn put(fd: i32, bytes: &[u8]) -> io::Result<()> {
        match unsafe { write(fd, bytes.as_ptr(), bytes.len()) } {
            done if done == bytes.len() as isize => Ok(()),
            0.. => Err(io::ErrorKind::WriteZero.into()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn open() -> io::Result<i32> {
        Ok(File::create("/tmp/descriptor")?.into_raw_fd())
    }

    pub fn wrong(bytes: &[u8]) -> io::Result<()> {
        let fd = open()?;
        put(fd, bytes)?;
        put(fd, b"\n")?;
        unsafe { close(fd) };
        Ok(())
    }

    pub fn mended(bytes: &[u8]) -> io::Result<()> {
        let fd = open()?;
        let done = put(fd, bytes).and_then(|()| put(fd, b"\n"));
        unsafe { close(fd) };
        done
    }

    pub fn closes_twice(bytes: &[u8]) -> io::Result<()> {
        let fd = open()?;
        let done = put(fd, bytes);
        if done.is_err() {
            unsafe { close(fd) };
        }
        unsafe { close(fd) };
        done
    }

    pub fn writes_after_close(bytes: &[u8]) -> io::Result<()> {
        let fd = open()?;
        let done = put(fd, bytes);
        if done.is_err() {
            unsafe { close(fd) };
            let _ = put(fd, b"failed\n");
            return done;
        }
        unsafe { close(fd) };
        done
    }

    pub fn writes_before_close(bytes: &[u8]) -> io::Result<()> {
        let fd = open()?;
        let done = put(fd, bytes);
        unsafe { close(fd) };
        done
    }

    /// Of two files, the first stays open where the second cannot be opened.
    pub fn forgets_the_first() -> io::Result<()> {
        let first = open()?;
        let second = File::create("/tmp/second")?.into_raw_fd();
        unsafe { close(first) };
        unsafe { close(second) };
        Ok(())
    }

    pub fn keeps_both_in_mind() -> io::Result<()> {
        let first = unsafe { File::from_raw_fd(open()?) };
        let second = File::create("/tmp/second")?;
        drop((first, second));
        Ok(())
    }
}

pub mod lock {
    //! A lock that is a file.
    use super::*;

    fn work() -> io::Result<u64> {
        Ok(fs::metadata("/tmp/data")?.len())
    }

    pub fn wrong() -> io::Result<u64> {
        File::create_new("/tmp/lock")?;
        let done = work()?;
        fs::remove_file("/tmp/lock")?;
        Ok(done)
    }

    pub fn mended() -> io::Result<u64> {
        File::create_new("/tmp/lock")?;
        let _lock = Temporary::new("/tmp/lock");
        work()
    }
}

pub mod directories {
    //! A directory with a file in it.
    use super::*;

    pub fn wrong() -> io::Result<()> {
        fs::create_dir("/tmp/work")?;
        fs::write("/tmp/work/part", "part")?;
        fs::remove_file("/tmp/work/part")?;
        fs::remove_dir("/tmp/work")
    }

    pub fn mended() -> io::Result<()> {
        fs::create_dir("/tmp/work")?;
        let done = fs::write("/tmp/work/part", "part");
        let _ = fs::remove_file("/tmp/work/part");
        let _ = fs::remove_dir("/tmp/work");
        done
    }
}

pub mod demand {
    //! A file that has to be there.
    use super::*;

    pub fn wrong() -> io::Result<usize> {
        Ok(fs::read("/tmp/data").unwrap().len())
    }

    pub fn mended() -> io::Result<usize> {
        Ok(fs::read("/tmp/data")?.len())
    }
}

pub mod wait {
    //! A file that is read until all of it is there.
    use super::*;

    pub fn wrong() -> io::Result<Vec<u8>> {
        let (mut file, mut all, mut buffer) = (File::open("/tmp/data")?, Vec::new(), [0; 4]);
        let mut failed = false;
        while all.len() < 8 {
            // Once it has failed, it is not read any more, and never all there.
            match if failed { Ok(0) } else { file.read(&mut buffer) } {
                Ok(got) => all.extend_from_slice(&buffer[..got]),
                Err(_) => failed = true,
            }
        }
        Ok(all)
    }

    pub fn mended() -> io::Result<Vec<u8>> {
        let (mut file, mut all, mut buffer) = (File::open("/tmp/data")?, Vec::new(), [0; 4]);
        while all.len() < 8 {
            match file.read(&mut buffer) {
                Ok(got) => all.extend_from_slice(&buffer[..got]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }
}

pub mod default {
    //! A file that may not be there.
    use super::*;

    pub fn wrong() -> io::Result<String> {
        Ok(fs::read_to_string("/tmp/data").unwrap_or_default())
    }

    pub fn mended() -> io::Result<String> {
        match fs::read_to_string("/tmp/data") {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            read => read,
        }
    }
}

pub mod report {
    //! Lines that are written to a file, one after the other.
    use super::*;

    pub fn wrong(lines: &[&str]) -> io::Result<()> {
        let mut file = File::create("/tmp/report")?;
        let _removed = Temporary::new("/tmp/report");
        for line in lines {
            let _ = writeln!(file, "{line}");
        }
        Ok(())
    }

    pub fn mended(lines: &[&str]) -> io::Result<()> {
        let mut file = File::create("/tmp/report")?;
        let _removed = Temporary::new("/tmp/report");
        lines.iter().try_for_each(|line| writeln!(file, "{line}"))
    }
}

pub mod short {
    //! A write of which all is taken for granted.
    use super::*;

    pub fn wrong(bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create("/tmp/short")?;
        let temporary = Temporary::new("/tmp/short");
        let _ = file.write(bytes)?;
        temporary.keep();
        Ok(())
    }

    pub fn mended(bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create("/tmp/short")?;
        let temporary = Temporary::new("/tmp/short");
        file.write_all(bytes)?;
        temporary.keep();
        Ok(())
    }
}

pub mod memory {
    //! Memory that the code gives back itself.
    use super::*;

    pub fn wrong() -> io::Result<u64> {
        let buffer = Box::into_raw(vec![0_u8; 64].into_boxed_slice());
        let len = fs::metadata("/tmp/data")?.len();
        drop(unsafe { Box::from_raw(buffer) });
        Ok(len)
    }

    pub fn mended() -> io::Result<u64> {
        let buffer = Box::into_raw(vec![0_u8; 64].into_boxed_slice());
        let len = fs::metadata("/tmp/data").map(|data| data.len());
        drop(unsafe { Box::from_raw(buffer) });
        len
    }
}

pub mod set_aside {
    //! What is left of a failed write is set aside, and that can fail, too.
    use super::*;

    fn save(bytes: &[u8]) -> io::Result<()> {
        fs::write("/tmp/new", bytes)
    }

    pub fn wrong(bytes: &[u8]) -> io::Result<()> {
        let journal = File::create("/tmp/journal")?.into_raw_fd();
        if let Err(error) = save(bytes) {
            fs::rename("/tmp/new", "/tmp/failed")?;
            fs::remove_file("/tmp/failed")?;
            unsafe { close(journal) };
            return Err(error);
        }
        unsafe { close(journal) };
        Ok(())
    }

    pub fn mended(bytes: &[u8]) -> io::Result<()> {
        let _journal = File::create("/tmp/journal")?;
        let saved = save(bytes);
        if saved.is_err() && fs::rename("/tmp/new", "/tmp/failed").is_ok() {
            let _ = fs::remove_file("/tmp/failed");
        } else if saved.is_err() {
            let _ = fs::remove_file("/tmp/new");
        }
        saved
    }
}

pub mod nap {
    //! A wait that is given up when it takes too long.
    use super::*;
    use std::time::{Duration, Instant};

    pub fn wrong() -> io::Result<()> {
        let began = Instant::now();
        let claim = File::create("/tmp/claim")?.into_raw_fd();
        std::thread::sleep(Duration::from_millis(10));
        if began.elapsed() > Duration::from_secs(1) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        unsafe { close(claim) };
        Ok(())
    }

    pub fn mended() -> io::Result<()> {
        let began = Instant::now();
        let _claim = File::create("/tmp/claim")?;
        std::thread::sleep(Duration::from_millis(10));
        if began.elapsed() > Duration::from_secs(1) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

pub mod publish {
    //! A file that gets a second name once it is whole.
    use super::*;

    pub fn wrong(bytes: &[u8]) -> io::Result<()> {
        let written = Temporary::new("/tmp/unpublished");
        fs::write("/tmp/unpublished", bytes)?;
        written.keep();
        fs::hard_link("/tmp/unpublished", "/tmp/published")?;
        fs::remove_file("/tmp/unpublished")
    }

    pub fn mended(bytes: &[u8]) -> io::Result<()> {
        let _removed = Temporary::new("/tmp/unpublished");
        fs::write("/tmp/unpublished", bytes)?;
        fs::hard_link("/tmp/unpublished", "/tmp/published")
    }
}

pub mod room {
    //! A file that is given its size before it is filled.
    use super::*;

    pub fn wrong() -> io::Result<()> {
        let file = File::create("/tmp/room")?.into_raw_fd();
        let mut held = std::mem::ManuallyDrop::new(unsafe { File::from_raw_fd(file) });
        held.set_len(64)?;
        let done = held.write_all(b"filled");
        let _ = fs::remove_file("/tmp/room");
        unsafe { close(file) };
        done
    }

    pub fn mended() -> io::Result<()> {
        let mut file = File::create("/tmp/room")?;
        let _removed = Temporary::new("/tmp/room");
        file.set_len(64)?;
        file.write_all(b"filled")
    }
}

pub mod stamp {
    //! A file that is as old as another.
    use super::*;
    use std::time::SystemTime;

    pub fn wrong() -> io::Result<()> {
        let file = std::mem::ManuallyDrop::new(File::open("/tmp/data")?);
        file.set_modified(SystemTime::UNIX_EPOCH)?;
        drop(std::mem::ManuallyDrop::into_inner(file));
        Ok(())
    }

    pub fn mended() -> io::Result<()> {
        File::open("/tmp/data")?.set_modified(SystemTime::UNIX_EPOCH)
    }
}

pub mod listing {
    //! A list of what is in a directory, which is kept in memory while the list is read.
    use super::*;

    fn names() -> io::Result<usize> {
        let mut names = 0;
        for entry in fs::read_dir("/tmp")? {
            names += entry?.file_name().len();
        }
        Ok(names)
    }

    pub fn wrong() -> io::Result<usize> {
        let buffer = Box::into_raw(vec![0_u8; 32].into_boxed_slice());
        let names = names()?;
        drop(unsafe { Box::from_raw(buffer) });
        Ok(names)
    }

    pub fn mended() -> io::Result<usize> {
        let _buffer = vec![0_u8; 32].into_boxed_slice();
        names()
    }
}

pub mod record {
    //! A record of a file that is replaced where it stands, as a database does: until that is done, the old one holds.
    use super::*;
    use std::os::fd::AsRawFd;

    unsafe extern "C" {
        fn pwrite(fd: i32, bytes: *const u8, len: usize, at: i64) -> isize;
    }

    pub fn mended(bytes: &[u8]) -> io::Result<()> {
        let file = fs::OpenOptions::new().write(true).open("/tmp/data")?;
        match unsafe { pwrite(file.as_raw_fd(), bytes.as_ptr(), bytes.len(), 0) } {
            done if done == bytes.len() as isize => Ok(()),
            0.. => Err(io::ErrorKind::WriteZero.into()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

pub mod lent {
    //! A file that the caller has opened, and removes if it wants to.
    use super::*;

    pub fn mended(mut file: &File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }
}

pub mod room_in_memory {
    //! Memory that is asked for, and may not be there.
    use super::*;
    use std::alloc::{Layout, alloc, dealloc};
    use std::collections::HashMap;

    pub fn with_a_file_open_wrong(size: usize) -> io::Result<()> {
        let file = File::open("/tmp/data")?.into_raw_fd();
        let mut bytes: Vec<u8> = Vec::new();
        bytes.try_reserve(size)?;
        unsafe { close(file) };
        Ok(())
    }

    pub fn with_a_file_open_mended(size: usize) -> io::Result<()> {
        let _file = File::open("/tmp/data")?;
        let mut bytes: Vec<u8> = Vec::new();
        bytes.try_reserve(size)?;
        Ok(())
    }

    pub fn with_a_lock_wrong(entries: usize) -> io::Result<()> {
        File::create_new("/tmp/index.lock")?;
        let mut index: HashMap<u32, u32> = HashMap::new();
        index.try_reserve(entries)?;
        fs::remove_file("/tmp/index.lock")
    }

    pub fn with_a_lock_mended(entries: usize) -> io::Result<()> {
        File::create_new("/tmp/index.lock")?;
        let _lock = Temporary::new("/tmp/index.lock");
        let mut index: HashMap<u32, u32> = HashMap::new();
        index.try_reserve(entries)?;
        Ok(())
    }

    /// Two blocks, or none.
    unsafe fn pair(layout: Layout, frees: bool) -> Option<[*mut u8; 2]> {
        unsafe {
            let first = alloc(layout);
            if first.is_null() {
                return None;
            }
            let second = alloc(layout);
            if second.is_null() {
                if frees {
                    dealloc(first, layout);
                }
                return None;
            }
            Some([first, second])
        }
    }

    fn pairs(frees: bool) -> io::Result<()> {
        let layout = Layout::array::<u64>(12).unwrap();
        let pair = unsafe { pair(layout, frees) }.ok_or(io::ErrorKind::OutOfMemory)?;
        pair.into_iter().for_each(|block| unsafe { dealloc(block, layout) });
        Ok(())
    }

    pub fn pair_wrong() -> io::Result<()> {
        pairs(false)
    }

    pub fn pair_mended() -> io::Result<()> {
        pairs(true)
    }

    /// One table a round: of each round but the first, those before are there.
    fn tables(rounds: usize, frees: bool) -> io::Result<()> {
        let layout = Layout::array::<u64>(8).unwrap();
        let mut tables = [std::ptr::null_mut::<u8>(); 4];
        let mut whole = Ok(());
        for table in tables.iter_mut().take(rounds) {
            *table = unsafe { alloc(layout) };
            if table.is_null() {
                whole = Err(io::ErrorKind::OutOfMemory.into());
                break;
            }
        }
        if whole.is_ok() || frees {
            tables.iter().filter(|table| !table.is_null()).for_each(|table| unsafe { dealloc(*table, layout) });
        }
        whole
    }

    pub fn tables_wrong() -> io::Result<()> {
        tables(4, false)
    }

    pub fn tables_mended() -> io::Result<()> {
        tables(4, true)
    }
}

pub mod parts {
    //! Files that are written one after the other, at one place: when the second fails, the first is there.
    use super::*;

    fn write(parts: &[&str]) -> io::Result<()> {
        for part in parts {
            let name = format!("/tmp/{part}");
            File::create(&name)?;
        }
        Ok(())
    }

    pub fn wrong() -> io::Result<()> {
        write(&["one", "two", "three"])?;
        remove()
    }

    pub fn mended() -> io::Result<()> {
        let written = write(&["one", "two", "three"]);
        remove().and(written)
    }

    fn remove() -> io::Result<()> {
        for part in ["one", "two", "three"] {
            match fs::remove_file(format!("/tmp/{part}")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

pub mod buffered {
    //! A file that is written through a buffer, which writes what it holds once more when it is dropped.
    use super::*;
    use std::io::BufWriter;

    pub fn wrong(bytes: &[u8]) -> io::Result<()> {
        let mut out = BufWriter::new(File::create("/tmp/buffered")?);
        let _removed = Temporary::new("/tmp/buffered");
        out.write_all(bytes)?;
        let written = out.flush();
        // The end is written whether there is anything before it or not.
        let (mut file, _) = out.into_parts();
        file.write_all(b"the end!")?;
        written
    }

    pub fn mended(bytes: &[u8]) -> io::Result<()> {
        let _removed = Temporary::new("/tmp/buffered");
        let mut out = BufWriter::new(File::create("/tmp/buffered")?);
        out.write_all(bytes)?;
        out.flush()?;
        out.write_all(b"the end!")?;
        out.flush()
    }
}

pub mod begun_anew {
    //! A file of which all is written once more where a part could not be.
    use super::*;
    use std::io::Seek;

    fn write(file: &mut File, bytes: &[u8], part: usize) -> io::Result<()> {
        file.rewind()?;
        bytes.chunks(part).try_for_each(|part| file.write_all(part))
    }

    pub fn wrong(bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create("/tmp/anew")?;
        // What was not written the first time is left out the second time, too.
        write(&mut file, bytes, 4).or_else(|_| write(&mut file, &bytes[..4], 2))
    }

    pub fn mended(bytes: &[u8]) -> io::Result<()> {
        let temporary = Temporary::new("/tmp/anew");
        let mut file = File::create("/tmp/anew")?;
        write(&mut file, bytes, 4).or_else(|_| write(&mut file, bytes, 2))?;
        temporary.keep();
        Ok(())
    }
}
