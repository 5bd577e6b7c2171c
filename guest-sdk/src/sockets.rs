//! Sockets that are open when the test starts.

use airtight_abi::SOCKETS_ENV;
use std::os::fd::RawFd;

/// The descriptor of a socket that airtight granted under this name.
///
/// `None` where there is no such grant, so always natively and in other WASI engines. The descriptor is the test's to
/// own, once: see [`std::os::fd::FromRawFd`].
pub fn socket(name: &str) -> Option<RawFd> {
    find(&std::env::var(SOCKETS_ENV).ok()?, name)
}

fn find(sockets: &str, name: &str) -> Option<RawFd> {
    let mut pairs = sockets.split(':').filter_map(|pair| pair.rsplit_once('='));
    pairs.find(|(granted, _)| *granted == name)?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn names_are_found_whole() {
        let sockets = "server=4:db=5:broken:worse=x";
        assert_eq!(find(sockets, "server"), Some(4));
        assert_eq!(find(sockets, "db"), Some(5));
        for missing in ["serv", "broken", "worse", ""] {
            assert_eq!(find(sockets, missing), None);
        }
        assert_eq!(find("", ""), None);
    }
}
