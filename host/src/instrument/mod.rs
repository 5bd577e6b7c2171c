//! Rewriting of modules: bytes in, bytes and a map back out.
