//! The airtight::test attribute.
