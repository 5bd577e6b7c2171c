//! Allowances: what a user can allow a configuration to grant, in the words of the command line.

use super::super::suggest::listed;
use sha2::{Digest, Sha256};
use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Something of the machine that a configuration may grant only with the user's own word.
///
/// Its text is an argument of `--allow`:
///
/// | text | allows |
/// | --- | --- |
/// | `dir:PATH` | the directory and all below, read-only or as an overlay |
/// | `dir:PATH:read-write` | the directory and all below, in every mode |
/// | `listen:ADDRESS`, `connect:ADDRESS` | a socket of the host; a Unix socket is `unix:PATH` |
/// | `outbound:ADDRESS` | the address, to connect to |
/// | `clock:real` | the host's clocks |
///
/// ```
/// use airtight::config::Allowance;
///
/// let allowance = Allowance::parse("connect:127.0.0.1:5432", "/work".as_ref())?;
/// assert_eq!(allowance.to_string(), "connect:127.0.0.1:5432");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Allowance {
    /// A directory and everything below it.
    Dir {
        /// Its canonical path.
        path: PathBuf,
        /// Whether tests may write to it.
        write: bool,
    },
    /// A socket that listens on this address.
    Listen(Address),
    /// A socket that is connected to this address.
    Connect(Address),
    /// An address that a test may connect to through the SDK.
    Outbound(SocketAddr),
    /// The host's clocks.
    RealClock,
}

/// The address of a socket of the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix socket, by its path.
    Unix(PathBuf),
}

const KINDS: [&str; 5] = ["dir:PATH", "listen:ADDRESS", "connect:ADDRESS", "outbound:ADDRESS", "clock:real"];

/// What follows the path of a directory that tests may write to.
const READ_WRITE: &str = ":read-write";

impl Allowance {
    /// Reads an allowance that a user wrote. Relative paths start at `base`.
    ///
    /// # Errors
    /// What is wrong with the text, in words.
    pub fn parse(text: &str, base: &Path) -> Result<Self, String> {
        let unknown = || format!("{text:?} is nothing that can be allowed; there are {}", listed(KINDS.as_slice()));
        let (kind, value) = text.split_once(':').ok_or_else(unknown)?;
        match kind {
            "dir" => {
                let writable = value.strip_suffix(READ_WRITE);
                let path = writable.or(value.strip_suffix(":read-only")).or(value.strip_suffix(":overlay"));
                let path = path.unwrap_or(value);
                let found = base.join(path).canonicalize().ok().filter(|found| found.is_dir() && !path.is_empty());
                let path = found.ok_or_else(|| format!("there is no directory {path:?} to allow"))?;
                Ok(Self::Dir { path, write: writable.is_some() })
            }
            "listen" => Ok(Self::Listen(Address::parse(value, base)?)),
            "connect" => Ok(Self::Connect(Address::parse(value, base)?)),
            "outbound" => value.parse().map(Self::Outbound).map_err(|_| no_address(value)),
            "clock" if value == "real" => Ok(Self::RealClock),
            _ => Err(unknown()),
        }
    }

    /// Whether this allowance includes the wanted one.
    pub(super) fn covers(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Dir { path, write }, Self::Dir { path: below, write: writes }) => {
                below.starts_with(path) && (*write || !writes)
            }
            (allowed, wanted) => allowed == wanted,
        }
    }

    /// Adds the allowance to a checksum: all its bytes, and a mark for its end.
    pub(super) fn add_to(&self, sum: &mut Sha256) {
        let (kind, value): (&str, Vec<u8>) = match self {
            Self::Dir { path, write: false } => ("dir", bytes(path)),
            Self::Dir { path, write: true } => ("dir:read-write", bytes(path)),
            Self::Listen(address) => ("listen", address.bytes()),
            Self::Connect(address) => ("connect", address.bytes()),
            Self::Outbound(address) => ("outbound", address.to_string().into_bytes()),
            Self::RealClock => ("clock", b"real".to_vec()),
        };
        // A NUL can mark the end: no path, address or kind contains one.
        for part in [kind.as_bytes(), &value] {
            sum.update(part);
            sum.update([0]);
        }
    }
}

impl Address {
    fn parse(text: &str, base: &Path) -> Result<Self, String> {
        let Some(path) = text.strip_prefix("unix:") else {
            return text.parse().map(Self::Tcp).map_err(|_| no_address(text));
        };
        let path = base.join(path);
        let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
        match (folder, path.file_name()) {
            (Some(folder), Some(name)) => Ok(Self::Unix(folder.join(name))),
            _ => Err(format!("{text:?} is in no directory that there is")),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Tcp(address) => address.to_string().into_bytes(),
            Self::Unix(path) => [b"unix:", &bytes(path)[..]].concat(),
        }
    }
}

fn no_address(text: &str) -> String {
    format!("{text:?} is not an address with a port; write for example \"127.0.0.1:5432\"")
}

fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_vec()
}

impl Display for Allowance {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dir { path, write } => {
                write!(f, "dir:{}{}", path.display(), if *write { READ_WRITE } else { "" })
            }
            Self::Listen(address) => write!(f, "listen:{address}"),
            Self::Connect(address) => write!(f, "connect:{address}"),
            Self::Outbound(address) => write!(f, "outbound:{address}"),
            Self::RealClock => f.write_str("clock:real"),
        }
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_was_read() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        std::fs::create_dir(base.join("data")).unwrap();
        std::os::unix::fs::symlink("data", base.join("link")).unwrap();
        let at = base.display();
        for (text, said) in [
            ("dir:data", format!("dir:{at}/data")),
            ("dir:link:overlay", format!("dir:{at}/data")),
            ("dir:data/../link:read-write", format!("dir:{at}/data:read-write")),
            ("listen:127.0.0.1:80", "listen:127.0.0.1:80".to_owned()),
            ("connect:unix:data/app.sock", format!("connect:unix:{at}/data/app.sock")),
            ("outbound:[::1]:80", "outbound:[::1]:80".to_owned()),
            ("clock:real", "clock:real".to_owned()),
        ] {
            let allowance = Allowance::parse(text, &base).unwrap();
            assert_eq!(allowance.to_string(), said);
            assert_eq!(Allowance::parse(&said, &base), Ok(allowance));
        }
    }

    #[test]
    fn what_cannot_be_allowed_is_said() {
        let said: Vec<_> = ["everything", "clock:fake", "dir:", "dir:/none/such", "listen:80", "connect:unix:/none/x"]
            .into_iter()
            .map(|text| Allowance::parse(text, "/".as_ref()).unwrap_err())
            .collect();
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn a_directory_is_allowed_with_all_below_and_writing_it_on_its_own() {
        let dir = |path: &str, write| Allowance::Dir { path: path.into(), write };
        assert!(dir("/etc", false).covers(&dir("/etc/ssl", false)));
        assert!(!dir("/etc", false).covers(&dir("/etc/ssl", true)));
        assert!(dir("/etc", true).covers(&dir("/etc", false)));
        assert!(!dir("/etc/ssl", true).covers(&dir("/etc", false)));
        assert!(!dir("/etc", true).covers(&dir("/etcetera", false)));
        assert!(!Allowance::RealClock.covers(&dir("/etc", false)));
    }
}
