//! One installation at a time: a file lock, which the system releases when its holder ends in any way.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;

/// The installation lock, held by this process until the value is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock. If another process holds it, `waiting` is called once.
    pub fn acquire(path: &Path, waiting: &mut dyn FnMut()) -> io::Result<Lock> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => return Ok(Lock { file }),
            Err(TryLockError::WouldBlock) => waiting(),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        loop {
            match file.lock() {
                Ok(()) => return Ok(Lock { file }),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that another thread starts at this moment has it open, too, until it runs
        // its own program. If unlocking fails, closing still releases the lock, only later.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn the_second_waits_for_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = Lock::acquire(&path, &mut || panic!("nobody holds it")).unwrap();
        let (said, heard) = mpsc::channel();
        let second = std::thread::spawn(move || {
            Lock::acquire(&path, &mut || said.send("waiting").unwrap()).unwrap();
            said.send("taken").unwrap();
        });
        assert_eq!(heard.recv().unwrap(), "waiting");
        assert!(heard.try_recv().is_err(), "taken while held");
        drop(first);
        assert_eq!(heard.recv().unwrap(), "taken");
        second.join().unwrap();
    }

    #[test]
    fn it_is_released_though_a_child_still_has_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = Lock::acquire(&path, &mut || panic!("nobody holds it")).unwrap();
        let _inherited = first.file.try_clone().unwrap();
        drop(first);
        Lock::acquire(&path, &mut || panic!("it was dropped")).unwrap();
    }
}
