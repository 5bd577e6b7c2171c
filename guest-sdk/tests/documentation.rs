//! The example of the library's documentation, which is not run there: a documentation test has no tests inside.

use airtight_sdk as airtight;

include!("documentation/example.rs");
