//! Nothing: arc-swap measures with it, with a feature that refuses to be built for WASI, and no test does.
