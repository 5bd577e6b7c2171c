//! The grants of a policy, in words for the user. They name paths and addresses of the host, and so never stand in the report's
//! canonical part.

use super::{Clock, DirGrant, Mode, Policy, SocketGrant, SocketSource};

impl Policy {
    /// The grants beside the package and `/tmp`, a line each, such as `/work/data as /data, read-only`.
    #[must_use]
    pub fn grants(&self) -> Vec<String> {
        let dirs = self.dirs.iter().filter(|dir| !dir.is_package()).filter_map(DirGrant::told);
        let sockets = self.sockets.iter().filter_map(SocketGrant::told);
        let outbound = self.outbound.iter().map(|address| format!("{address}, to connect to"));
        let clock = (self.clock == Clock::Real).then(|| "the host's clocks".to_owned());
        dirs.chain(sockets).chain(outbound).chain(clock).collect()
    }
}

impl DirGrant {
    /// Whether this is the directory of the package whose tests are run. It is granted as an overlay, so that its files are
    /// never written.
    pub(crate) fn is_package(&self) -> bool {
        self.mode == Mode::Overlay && self.alias_of.as_deref() == Some(super::PACKAGE)
    }

    /// The grant in words; `None` if it grants nothing of the host.
    pub(crate) fn told(&self) -> Option<String> {
        let mode = match self.mode {
            Mode::ReadOnly => "read-only",
            Mode::Overlay => "as an overlay",
            Mode::ReadWrite => "read-write",
            Mode::Devices => return None,
        };
        Some(format!("{} as {}, {mode}", self.host.display(), self.guest))
    }
}

impl SocketGrant {
    /// The grant in words; `None` if it is connected to another granted socket, which has a line of its own.
    pub(crate) fn told(&self) -> Option<String> {
        let what = match &self.source {
            SocketSource::Listen(address) if address.port() == 0 => {
                format!("listens on a free port of {}", address.ip())
            }
            SocketSource::Listen(address) => format!("listens on {address}"),
            SocketSource::ListenUnix(path) => format!("listens on unix:{}", path.display()),
            SocketSource::Connect(address) => format!("is connected to {address}"),
            SocketSource::ConnectUnix(path) => format!("is connected to unix:{}", path.display()),
            SocketSource::ConnectTo(_) => return None,
        };
        Some(format!("socket `{}`, which {what}", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_grant_is_a_line_and_the_package_is_none() {
        let dir = |guest: &str, mode, alias: Option<&str>| DirGrant {
            guest: guest.to_owned(),
            host: "/host/dir".into(),
            mode,
            name: None,
            alias_of: alias.map(str::to_owned),
        };
        let socket = |name: &str, source| SocketGrant { name: name.to_owned(), source, on_request: false };
        let policy = Policy {
            dirs: vec![
                dir("/", Mode::Overlay, Some(".")),
                dir("/", Mode::ReadWrite, Some(".")),
                dir("/a", Mode::ReadOnly, None),
                dir("/b", Mode::Overlay, None),
                dir("/dev", Mode::Devices, Some("/dev")),
            ],
            sockets: vec![
                socket("free", SocketSource::Listen(([127, 0, 0, 1], 0).into())),
                socket("fixed", SocketSource::Listen(([127, 0, 0, 1], 80).into())),
                socket("inner", SocketSource::ConnectTo("free".to_owned())),
                socket("pg", SocketSource::Connect(([127, 0, 0, 1], 5432).into())),
                socket("unix", SocketSource::ListenUnix("/run/a".into())),
                socket("client", SocketSource::ConnectUnix("/run/b".into())),
            ],
            outbound: [([127, 0, 0, 1], 5432).into()].into(),
            clock: Clock::Real,
            ..Policy::default()
        };
        insta::assert_snapshot!(policy.grants().join("\n"));
        assert_eq!(Policy::default().grants(), [""; 0]);
    }
}
