#![doc = include_str!("../README.md")]

use std::sync::Mutex;

/// How prices are shown, for the whole program.
static CURRENCY: Mutex<&str> = Mutex::new("USD");

/// Sets the currency of all prices.
pub fn set_currency(code: &'static str) {
    *CURRENCY.lock().expect("nothing panics while it holds the lock") = code;
}

/// A price in cents, as it is shown.
pub fn price(cents: u32) -> String {
    let currency = CURRENCY.lock().expect("nothing panics while it holds the lock");
    format!("{currency} {}.{:02}", cents / 100, cents % 100)
}
