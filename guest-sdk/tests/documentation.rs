//! The example of the library's documentation, which is not run there: a documentation test has no tests inside.

use airtight_sdk as airtight;

include!("documentation/example.rs");

/// The table of attributes in the library's documentation has every limit that a test can set.
#[test]
#[cfg(not(target_arch = "wasm32"))]
fn every_limit_is_documented() {
    use airtight_abi::limits::{Limit, Source};
    let documentation = include_str!("../src/lib.rs");
    for limit in Limit::ALL {
        let row = documentation.contains(&format!("`{} = ", limit.attribute()));
        assert_eq!(row, limit.can_be_set_by(Source::Attribute), "{}", limit.attribute());
    }
}
