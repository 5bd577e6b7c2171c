//! Natively the second test fails whenever the first one has run before it (`cargo test -- --test-threads=1`), passes alone,
//! and passes or fails as it happens when both run at once.

use polluted_singleton::{price, set_currency};

#[test]
fn a_shop_in_europe_shows_euros() {
    set_currency("EUR");
    assert_eq!(price(1999), "EUR 19.99");
}

#[test]
fn dollars_are_shown_by_default() {
    assert_eq!(price(1999), "USD 19.99");
}
