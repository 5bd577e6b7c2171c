use super::directory::FIRST_POSITION;
use super::error::{FsError, Result};
use super::node::{FileKind, NodeId};
use super::store::Scratch;

/// One line of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirEntry<'a> {
    /// The name; `.` and `..` are listed too, and first.
    pub name: &'a str,
    /// The inode number.
    pub ino: u64,
    /// What it is; a symbolic link is not followed.
    pub kind: FileKind,
    /// The cookie to go on after this entry.
    pub next: u64,
}

/// Where a listing goes on (low half) and where it ends (high half, 0 for "wherever the directory ends now").
///
/// The end is fixed as the listing starts: one that makes a file for each it meets would not end otherwise. The low half comes
/// first because `telldir` cuts a cookie to 32 bits in wasm32's C library.
#[derive(Clone, Copy)]
struct Cookie {
    position: u32,
    end: u32,
}

impl Cookie {
    const fn decode(raw: u64) -> Self {
        Self { position: raw as u32, end: (raw >> 32) as u32 }
    }

    fn encode(self) -> u64 {
        u64::from(self.end) << 32 | u64::from(self.position)
    }
}

impl Scratch {
    /// Lists a directory from a cookie on: 0 for the start, else [`DirEntry::next`] of the entry before.
    ///
    /// Names come in order of creation; in a directory that is also below an overlay, what was there before the test comes
    /// first, in order of the names' bytes.
    ///
    /// Cookies stay good whatever is made, moved or removed in between: an entry that is there all the time is listed once, one
    /// made after the listing started is not listed. Any number is a cookie; a made-up one lists less.
    ///
    /// # Errors
    /// `Badf`, `Notdir`; `Noent` if the directory is removed; `Acces`, `Io`, `Nfile` if what is below cannot be read.
    pub fn read_dir(&mut self, dir: NodeId, cookie: u64) -> Result<impl Iterator<Item = DirEntry<'_>>> {
        self.meet_all(dir)?;
        let this = &*self;
        let directory = this.dir(dir)?;
        if this.node(dir)?.nlink == 0 {
            return Err(FsError::Noent);
        }
        let Cookie { position: from, end } = Cookie::decode(cookie);
        let end = if end == 0 { directory.end() } else { end };
        let dots = [(0, ".", dir), (1, "..", directory.parent)];
        let dots = dots.into_iter().filter(move |(position, ..)| (from..end).contains(position));
        let listed = dots.chain(directory.by_position(from.max(FIRST_POSITION), end));
        Ok(listed.filter_map(move |(position, name, node)| {
            let kind = this.node(node).ok()?.kind();
            Some(DirEntry { name, ino: node.ino, kind, next: Cookie { position: position + 1, end }.encode() })
        }))
    }
}
