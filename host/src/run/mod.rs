//! Who turns a set of modules and a policy into events and a report.
