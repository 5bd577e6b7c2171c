//! The end-to-end tests of airtight: see `tests/`.
