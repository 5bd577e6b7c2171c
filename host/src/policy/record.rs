//! The policy as the report states it.

use super::{DirGrant, Limits, Policy, SocketGrant, SocketSource};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Which way of counting fuel this version uses; each new way has the next number, so that figures of two ways are never
/// compared unnoticed. In way 3, an operator costs one unit; operators that only shape the flow of control cost nothing. An
/// operator that fills, copies or grows costs one more unit for each byte or element. To spawn a thread costs 20,000. In way 2,
/// a spawned thread cost as much as another call of the host. In way 1, which reports do not state, lengths cost nothing.
const FUEL_MODEL: u32 = 3;

/// The largest integer that canonical JSON (RFC 8785) keeps exact.
const LARGEST_NUMBER: u64 = (1 << 53) - 1;

/// The policy as the report's canonical part shows it: the same on every machine.
///
/// Host directories, aliases and the addresses of granted sockets are left out: they name the machine, and the guest does not
/// see them. The addresses of `outbound` are stated: the guest itself asks for them. Integers that JSON would round are
/// strings. Standard input is stated as its length and its SHA-256. Absent are limits that are not set, `tracked` if it limits
/// nothing, `faults` if there are none, and `heap` if it is not required.
#[must_use]
pub fn policy_record(policy: &Policy) -> Value {
    let mut record = json!({
        "fuel-model": FUEL_MODEL,
        "limits": limits(&policy.limits),
        "leaks": policy.leaks,
        "dirs": policy.dirs.iter().filter(|dir| dir.alias_of.is_none()).map(dir).collect::<Vec<_>>(),
        "sockets": policy.sockets.iter().map(socket).collect::<Vec<_>>(),
        "outbound": policy.outbound,
        "env": policy.env,
        "args": policy.args,
        "stdin": { "bytes": policy.stdin.len(), "sha256": format!("{:x}", Sha256::digest(&policy.stdin)) },
        "clock": policy.clock.record(),
        "seed": integer(policy.seed),
    });
    if policy.heap_required {
        record["heap"] = "required".into();
    }
    if !policy.faults.is_empty() {
        record["faults"] = policy.faults.iter().map(ToString::to_string).collect();
    }
    if !policy.tracked.is_empty() {
        let limits = policy.tracked.iter().map(|(kind, most)| (kind.clone(), integer(*most)));
        record["tracked"] = Value::Object(limits.collect());
    }
    record
}

/// The grants that tests can ask for by name, as the report's canonical part shows them; `None` if there are none.
pub(crate) fn requestable_record(dirs: &[DirGrant], sockets: &[SocketGrant]) -> Option<Value> {
    if dirs.is_empty() && sockets.is_empty() {
        return None;
    }
    let named = |grant: &DirGrant| json!({ "name": grant.name, "guest": grant.guest, "mode": grant.mode });
    let dirs: Vec<_> = dirs.iter().map(named).collect();
    Some(json!({ "dirs": dirs, "sockets": sockets.iter().map(socket).collect::<Vec<_>>() }))
}

fn limits(limits: &Limits) -> Map<String, Value> {
    limits.recorded().map(|(key, value)| (key.to_owned(), integer(value))).collect()
}

fn integer(number: u64) -> Value {
    if number <= LARGEST_NUMBER { number.into() } else { number.to_string().into() }
}

fn dir(dir: &DirGrant) -> Value {
    json!({ "guest": dir.guest, "mode": dir.mode })
}

fn socket(socket: &SocketGrant) -> Value {
    match &socket.source {
        SocketSource::Listen(_) | SocketSource::ListenUnix(_) => json!({ "name": socket.name, "kind": "listen" }),
        SocketSource::Connect(_) | SocketSource::ConnectUnix(_) => json!({ "name": socket.name, "kind": "connect" }),
        SocketSource::ConnectTo(listener) => json!({ "name": socket.name, "kind": "connect-to", "to": listener }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Limit, Mode};

    #[test]
    fn names_only_what_the_guest_sees() {
        let dir = |guest: &str, alias: Option<&str>| DirGrant {
            guest: guest.to_owned(),
            host: "/home/someone/project".into(),
            mode: Mode::ReadOnly,
            name: None,
            alias_of: alias.map(str::to_owned),
        };
        let socket = |name: &str, source| SocketGrant { name: name.to_owned(), source, on_request: false };
        let policy = Policy {
            dirs: vec![dir("/package", None), dir("/home/someone/project", Some("/package"))],
            sockets: vec![
                socket("server", SocketSource::Listen(([127, 0, 0, 1], 40_001).into())),
                socket("client", SocketSource::ConnectTo("server".to_owned())),
                socket("pg", SocketSource::Connect(([127, 0, 0, 1], 5432).into())),
            ],
            env: [("RUST_BACKTRACE".to_owned(), "0".to_owned())].into(),
            outbound: [([127, 0, 0, 1], 5432).into()].into(),
            stdin: b"abc".to_vec(),
            seed: u64::MAX,
            ..Policy::default()
        };
        let record = serde_json_canonicalizer::to_string(&policy_record(&policy)).unwrap();
        insta::assert_snapshot!(record, @r#"{"args":[],"clock":{"kind":"virtual","start":"2024-01-01T00:00:00Z"},"dirs":[{"guest":"/package","mode":"read-only"}],"env":{"RUST_BACKTRACE":"0"},"fuel-model":3,"leaks":{"handles":"fail","heap":"fail","residue":"show","retained":"show","tasks":"fail","threads":"fail","tracked":"fail"},"limits":{"fuel":10000000000000,"handles":1024,"host-memory":536870912,"io":17179869184,"live-threads":1024,"memory":268435456,"output":1048576,"scratch":268435456,"scratch-entries":65536,"stack":8388608,"timeout-ms":300000},"outbound":["127.0.0.1:5432"],"seed":"18446744073709551615","sockets":[{"kind":"listen","name":"server"},{"kind":"connect-to","name":"client","to":"server"},{"kind":"connect","name":"pg"}],"stdin":{"bytes":3,"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}}"#);
    }

    #[test]
    fn limits_of_the_heap_are_there_where_they_are_set() {
        let figures = [(Limit::PeakHeap, 512 << 10), (Limit::Lost, 0), (Limit::Retained, u64::MAX)];
        let set = figures.into_iter().fold(Limits::default(), |limits, (limit, value)| limits.with(limit, value));
        let set = set.with(Limit::Allocations, 1000);
        let record = limits(&set);
        let figures = ["peak-heap", "lost", "retained", "allocations"].map(|name| record[name].to_string());
        assert_eq!(figures, ["524288", "0", "\"18446744073709551615\"", "1000"]);
        assert_eq!(record.len(), limits(&Limits::default()).len() + 4);
        // Limits that serde writes have the same names.
        let serialized = serde_json::to_value(set).unwrap();
        assert!(serialized.as_object().unwrap().keys().eq(record.keys()));
    }
}
