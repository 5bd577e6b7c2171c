//! Directories and sockets of a profile: their tables, each checked by itself.

use super::check::{At, Checker, Value, choose};
use super::errors::Problem;
use super::settings::{self, DIR, SOCKET};
use super::suggest::nearest;
use crate::policy::{DirGrant, Mode, SocketGrant, SocketSource};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// The longest path of a Unix socket, in bytes. Linux has room for 108 bytes, and one of them marks the end.
const LONGEST_UNIX_PATH: usize = 107;

/// The table of a directory. A value with an error is absent, so that the rest can still be checked.
pub(super) struct RawDir {
    pub at: At,
    pub name: Option<String>,
    pub guest: Option<String>,
    host: Option<PathBuf>,
    mode: Mode,
}

impl RawDir {
    /// The grant, where nothing was wrong.
    pub fn grant(&self) -> Option<DirGrant> {
        let (guest, host) = (self.guest.clone()?, self.host.clone()?);
        Some(DirGrant { guest, host, mode: self.mode, name: self.name.clone(), alias_of: None })
    }
}

/// The table of a socket. A value with an error is absent.
pub(super) struct RawSocket {
    pub at: At,
    pub name: Option<String>,
    pub source: Option<SocketSource>,
    pub source_at: At,
    pub on_request: bool,
}

impl RawSocket {
    /// The grant, where nothing was wrong.
    pub fn grant(&self) -> Option<SocketGrant> {
        let (name, source) = (self.name.clone()?, self.source.clone()?);
        Some(SocketGrant { name, source, on_request: self.on_request })
    }
}

/// Reads one `[[profile.NAME.dir]]`; relative host paths start at `base`.
pub(super) fn dir(check: &mut Checker<'_>, at: At, table: &DeTable<'_>, base: &Path) -> RawDir {
    let mut raw = RawDir { at, name: None, guest: None, host: None, mode: Mode::ReadOnly };
    for (key, value) in table {
        let at = raw.at.key(key.get_ref(), value);
        match key.get_ref().as_ref() {
            "guest" => raw.guest = check.read(&at, value, guest_path),
            "host" => raw.host = check.read(&at, value, |host| host_dir(host, base)),
            "mode" => raw.mode = check.choice(&at, value, MODE, &MODES).unwrap_or(raw.mode),
            "name" => raw.name = name(check, &at, value),
            other => settings::unknown(check, &raw.at, other, key.span().start, DIR.to_vec()),
        }
    }
    for (key, missing) in
        [("guest", "`guest`, the path in the guest, is"), ("host", "`host`, the directory to grant, is")]
    {
        if !table.contains_key(key) {
            check.fail(&raw.at, Problem::Missing(missing));
        }
    }
    raw
}

/// Reads a directory grant of the command line: `HOST::GUEST`, or `HOST::GUEST:MODE` for another mode than `read-only`.
/// Relative host paths start at `base`.
///
/// # Errors
/// What is wrong with a part of the text; the same error as for the setting in the file.
pub fn dir_from_option(text: &str, base: &Path) -> Result<DirGrant, Problem> {
    let (host, guest) = text.split_once("::").ok_or(Problem::Missing("`::` between HOST and GUEST is"))?;
    let (guest, mode) = match guest.rsplit_once(':') {
        Some((guest, mode)) => (guest, choose(mode, MODE, &MODES)?),
        None => (guest, Mode::ReadOnly),
    };
    let (guest, host) = (guest_path(guest)?, host_dir(host, base)?);
    Ok(DirGrant { guest, host, mode, name: None, alias_of: None })
}

/// What the words of [`MODES`] are called in errors.
const MODE: &str = "a mode";
const MODES: [(&str, Mode); 3] =
    [("read-only", Mode::ReadOnly), ("overlay", Mode::Overlay), ("read-write", Mode::ReadWrite)];

fn guest_path(path: &str) -> Result<String, Problem> {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let normal = format!("/{}", parts.join("/"));
    let fault = if path.contains('\0') || parts.contains(&"..") {
        Some(("may not hold `..` or NUL", None))
    } else if normal == "/tmp" {
        Some(("is the scratch file system, which every test has", None))
    } else if !path.starts_with('/') {
        Some(("is not absolute", Some(normal.clone())))
    } else if path != normal {
        Some(("is not in its shortest form", Some(normal.clone())))
    } else {
        None
    };
    match fault {
        Some((fault, fix)) => Err(Problem::GuestPath { path: path.to_owned(), fault, fix }),
        None => Ok(normal),
    }
}

fn host_dir(host: &str, base: &Path) -> Result<PathBuf, Problem> {
    let path = base.join(host);
    let fault = match path.canonicalize() {
        _ if host.is_empty() => "is no path; write \".\" for the workspace's own directory".to_owned(),
        Ok(path) if path.is_dir() => return Ok(path),
        Ok(_) => "is not a directory".to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let base = std::path::absolute(base).unwrap_or_else(|_| base.to_owned());
            let nearest = nearest_dir(&path, host);
            return Err(Problem::NoDirectory { host: host.to_owned(), base, nearest });
        }
        Err(error) => format!("cannot be used: {error}"),
    };
    Err(Problem::HostPath { host: host.to_owned(), fault })
}

/// An existing directory with a similar name, beside the one that does not exist. It is spelled as the user spelled the other.
fn nearest_dir(path: &Path, host: &str) -> Option<String> {
    let mut names: Vec<_> = (path.parent()?.read_dir().ok()?.flatten())
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    let near = nearest(path.file_name()?.to_str()?, names.iter().map(String::as_str))?;
    Path::new(host).with_file_name(near).to_str().map(str::to_owned)
}

/// Reads one `[[profile.NAME.socket]]`; relative paths start at `base`.
pub(super) fn socket(check: &mut Checker<'_>, at: At, table: &DeTable<'_>, base: &Path) -> RawSocket {
    let mut raw = RawSocket { source_at: at.clone(), at, name: None, source: None, on_request: false };
    let mut sources = Vec::new();
    for (key, value) in table {
        let at = raw.at.key(key.get_ref(), value);
        let key_name = key.get_ref().as_ref();
        match key_name {
            "name" => raw.name = name(check, &at, value),
            "on-request" => raw.on_request = check.boolean(&at, value).unwrap_or_default(),
            "listen" | "connect" | "connect-to" => {
                sources.push(format!("`{key_name}`"));
                raw.source = source(check, &at, key_name, value, base);
                raw.source_at = at;
            }
            other => settings::unknown(check, &raw.at, other, key.span().start, SOCKET.to_vec()),
        }
    }
    if !table.contains_key("name") {
        check.fail(&raw.at, Problem::Missing("`name`, which tells the guest its sockets apart, is"));
    }
    match sources.len() {
        0 => check.fail(&raw.at, Problem::Missing("one of `listen`, `connect` and `connect-to` is")),
        1 => {}
        _ => {
            let both = format!("{} exclude each other; keep one", sources.join(" and "));
            check.fail(&raw.at, Problem::Contradiction(both));
        }
    }
    raw
}

fn source(check: &mut Checker<'_>, at: &At, key: &str, value: &Value<'_>, base: &Path) -> Option<SocketSource> {
    if key == "connect-to" {
        return name(check, at, value).map(SocketSource::ConnectTo);
    }
    let text = check.string(at, value)?;
    if let Some(path) = text.strip_prefix("unix:") {
        let path = unix_path(check, at, path, base)?;
        return Some(if key == "listen" { SocketSource::ListenUnix(path) } else { SocketSource::ConnectUnix(path) });
    }
    let port = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    let (fault, example) = match (key, text.parse::<SocketAddr>()) {
        ("listen", Ok(address)) if address.ip().is_loopback() => return Some(SocketSource::Listen(address)),
        ("listen", Ok(address)) => ("is not a loopback address", format!("127.0.0.1:{}", address.port())),
        (_, Ok(address)) if address.port() != 0 => return Some(SocketSource::Connect(address)),
        (_, Ok(address)) => ("has no port to connect to", format!("{}:5432", address.ip())),
        ("listen", Err(_)) => ("is not an address with a port", format!("127.0.0.1:{}", port.unwrap_or(0))),
        (_, Err(_)) => ("is not an address with a port", format!("127.0.0.1:{}", port.unwrap_or(5432))),
    };
    check.fail(at, Problem::Address { text: text.to_owned(), fault, example });
    None
}

/// The path of a Unix socket. Whether a file is there is checked only when a test starts, since sockets come and go.
fn unix_path(check: &mut Checker<'_>, at: &At, text: &str, base: &Path) -> Option<PathBuf> {
    let path = base.join(text);
    let folder = path.parent().filter(|_| path.file_name().is_some());
    let fault = match folder.map(Path::canonicalize) {
        _ if text.is_empty() || text.ends_with('/') => "is no path of a file; write for example unix:run/app.sock",
        None => "is no path of a file; write for example unix:run/app.sock",
        Some(Err(_)) => "is in a directory that does not exist",
        Some(Ok(folder)) => {
            let path = path.file_name().map_or(folder.clone(), |name| folder.join(name));
            if path.as_os_str().len() <= LONGEST_UNIX_PATH && !text.contains('\0') {
                return Some(path);
            }
            "has a longer path than a Unix socket can have (107 bytes, from the root); put it in a shorter one"
        }
    };
    check.fail(at, Problem::HostPath { host: text.to_owned(), fault: fault.to_owned() });
    None
}

/// The addresses of `outbound`, without those that have an error.
pub(super) fn outbound(check: &mut Checker<'_>, at: &At, texts: &[String]) -> BTreeSet<SocketAddr> {
    let mut addresses = BTreeSet::new();
    for text in texts {
        let (fault, example) = match text.parse::<SocketAddr>() {
            Ok(address) if address.port() == 0 => ("has no port to connect to", format!("{}:5432", address.ip())),
            Ok(address) => {
                addresses.insert(address);
                continue;
            }
            Err(_) => ("is not an IP address with a port", "127.0.0.1:5432".to_owned()),
        };
        check.fail(at, Problem::Address { text: text.clone(), fault, example });
    }
    addresses
}

/// A grant's name. Its characters are few because names are given to the guest as `name=fd:name=fd`.
fn name(check: &mut Checker<'_>, at: &At, value: &Value<'_>) -> Option<String> {
    let text = check.string(at, value)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || !text.chars().all(allowed) {
        let rule = "use ASCII letters, digits, `-`, `_` and `.`";
        check.fail(at, Problem::Text { text: text.to_owned(), what: "a grant's name", rule });
        return None;
    }
    Some(text.to_owned())
}
