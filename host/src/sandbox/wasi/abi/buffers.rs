//! Scatter and gather over guest memory. A call has at most [`MAX_VECTORS`] buffers, and moves at most as many bytes as the
//! caller allows.

use crate::sandbox::wasi::fault::Fault;
use crate::sandbox::wasi::meter::MAX_VECTORS;
use crate::sandbox::wasi::table::Result;
use wasi_common::snapshots::preview_1::types::{Ciovec, CiovecArray, Errno, Iovec, IovecArray};
use wiggle::{GuestMemory, GuestPtr};

/// Calls `fill` with each buffer in turn until one is not filled; returns the number of bytes moved.
///
/// A buffer that starts where the cap ends is cut. `one` stops after the first non-empty buffer: a stream must not wait
/// for more once it has something.
pub fn scatter(
    memory: &mut GuestMemory<'_>,
    vectors: IovecArray,
    (one, most): (bool, usize),
    mut fill: impl FnMut(&mut [u8], usize) -> Result<usize>,
) -> Result<usize> {
    if vectors.len() > MAX_VECTORS {
        return Err(Errno::Inval.into());
    }
    let mut total = 0;
    for vector in vectors.iter() {
        let vector: Iovec = memory.read(vector?)?;
        let Some(part) = capped(vector.buf, vector.buf_len, (total, most)) else { continue };
        // Never `None`: the memory of a guest with threads is passed as `GuestMemory::Unshared`, too, as no other thread
        // runs meanwhile.
        let buffer = memory.as_slice_mut(part)?.ok_or(Errno::Notsup)?;
        let wanted = buffer.len();
        let got = match fill(buffer, total) {
            Ok(got) => got,
            Err(Fault::Errno(_) | Fault::Waiting(_)) if total > 0 => break,
            Err(fault) => return Err(fault),
        };
        total += got;
        if got < wanted || one || total >= most {
            break;
        }
    }
    Ok(total)
}

/// Calls `drain` with each buffer in turn until one is not taken whole; returns the number of bytes moved.
pub fn gather(
    memory: &mut GuestMemory<'_>,
    vectors: CiovecArray,
    most: usize,
    mut drain: impl FnMut(&[u8], usize) -> Result<usize>,
) -> Result<usize> {
    if vectors.len() > MAX_VECTORS {
        return Err(Errno::Inval.into());
    }
    let mut total = 0;
    for vector in vectors.iter() {
        let vector: Ciovec = memory.read(vector?)?;
        let Some(part) = capped(vector.buf, vector.buf_len, (total, most)) else { continue };
        let buffer = memory.as_slice(part)?.ok_or(Errno::Notsup)?;
        let wanted = buffer.len();
        let taken = match drain(buffer, total) {
            Ok(taken) => taken,
            Err(Fault::Errno(_) | Fault::Waiting(_)) if total > 0 => break,
            Err(fault) => return Err(fault),
        };
        total += taken;
        if taken < wanted || total >= most {
            break;
        }
    }
    Ok(total)
}

/// Fills a buffer by as many reads as that takes; fewer bytes only at the end, or before an errno. An errno after some
/// bytes is dropped, since these bytes are already gone from their source: the guest's next call gets it.
pub fn whole(buffer: &mut [u8], mut read: impl FnMut(&mut [u8]) -> Result<usize>) -> Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(Fault::Errno(_)) if got > 0 => break,
            Err(fault) => return Err(fault),
        }
    }
    Ok(got)
}

/// The part of a buffer that the cap still allows; `None` if that is empty.
fn capped(start: GuestPtr<u8>, len: u32, (total, most): (usize, usize)) -> Option<GuestPtr<[u8]>> {
    let room = u32::try_from(most - total.min(most)).unwrap_or(u32::MAX);
    let len = len.min(room);
    (len > 0).then(|| start.as_array(len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::stop::WallClock;

    /// Reads into a buffer of ten bytes from reads that give these results.
    fn read(answers: Vec<Result<usize>>) -> Result<usize> {
        let mut answers = answers.into_iter();
        whole(&mut [0; 10], |rest| {
            let answer = answers.next().expect("it reads no further")?;
            assert!(answer <= rest.len());
            Ok(answer)
        })
    }

    #[test]
    fn a_buffer_is_filled_whole_and_no_byte_is_lost_to_an_errno() {
        assert!(matches!(read(vec![Ok(3), Ok(7)]), Ok(10)));
        assert!(matches!(read(vec![Ok(3), Ok(0)]), Ok(3)));
        assert!(matches!(read(vec![Ok(3), Err(Errno::Again.into())]), Ok(3)));
        assert!(matches!(read(vec![Err(Errno::Again.into())]), Err(Fault::Errno(Errno::Again))));
        let ended = || Fault::from(WallClock::Interrupted);
        assert!(matches!(read(vec![Ok(3), Err(ended())]), Err(Fault::Halt(_))));
    }
}
