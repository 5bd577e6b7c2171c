//! `airtight.toml`: raw settings, checked with file, line and key, to a resolved profile.
