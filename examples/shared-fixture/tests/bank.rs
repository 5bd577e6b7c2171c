//! Fifty tests that each change the one bank.

use airtight::T;
use shared_fixture::{ACCOUNTS, Bank};
use std::sync::Mutex;

/// The bank, which is loaded once.
#[airtight::setup]
fn bank() -> Mutex<Option<Bank>> {
    Mutex::new(Some(Bank::open().expect("the journal can be made")))
}

/// Closes the journal and removes it.
#[airtight::teardown]
fn close_bank() {
    bank().lock().unwrap().take();
    std::fs::remove_file("/tmp/journal").expect("the journal is there");
}

/// As if there had been no other test.
fn closes_an_account() {
    let mut bank = bank().lock().unwrap();
    let bank = bank.as_mut().unwrap();
    assert_eq!((bank.accounts(), bank.journal().unwrap()), (ACCOUNTS, 0));
    bank.close_last().unwrap();
    assert_eq!((bank.accounts(), bank.journal().unwrap()), (ACCOUNTS - 1, 13));
}

macro_rules! fifty {
    ($($name:ident)*) => {
        $(
            #[airtight::test]
            fn $name(_: &mut T) {
                closes_an_account();
            }
        )*
    };
}

fifty! {
    closes_00 closes_01 closes_02 closes_03 closes_04 closes_05 closes_06 closes_07 closes_08 closes_09
    closes_10 closes_11 closes_12 closes_13 closes_14 closes_15 closes_16 closes_17 closes_18 closes_19
    closes_20 closes_21 closes_22 closes_23 closes_24 closes_25 closes_26 closes_27 closes_28 closes_29
    closes_30 closes_31 closes_32 closes_33 closes_34 closes_35 closes_36 closes_37 closes_38 closes_39
    closes_40 closes_41 closes_42 closes_43 closes_44 closes_45 closes_46 closes_47 closes_48 closes_49
}

/// An ordinary test begins there too.
#[test]
fn an_ordinary_test_closes_one_as_well() {
    closes_an_account();
}
