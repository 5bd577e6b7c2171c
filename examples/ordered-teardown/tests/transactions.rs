//! A transaction that is rolled back at the test's end, whatever that is.

use airtight::{Cleanup, T};
use ordered_teardown::Connection;
use std::rc::Rc;

/// Connects, for a test that disconnects at its end.
fn connect(t: &T) -> Rc<Connection> {
    let connection = Rc::new(Connection::open(&t.temp_dir()));
    let shared = Rc::clone(&connection);
    t.register(Cleanup::new("disconnect").then(move || shared.close()));
    connection
}

/// What ends a transaction: an ordinary value, which says itself that it has to come first.
fn roll_back(connection: &Rc<Connection>) -> Cleanup {
    let shared = Rc::clone(connection);
    Cleanup::new("roll back").priority(10).then(move || shared.roll_back())
}

#[airtight::test]
fn a_transaction_is_rolled_back(t: &mut T) {
    let connection = connect(t);
    t.register(roll_back(&connection));
    connection.begin();
    connection.execute("insert into notes values (1);");
}

/// The statement is wrong; the transaction is rolled back and the connection closed all the same.
#[airtight::test]
fn a_panic_rolls_it_back(t: &mut T) {
    let connection = connect(t);
    t.register(roll_back(&connection));
    connection.begin();
    connection.execute("insert into notes");
}

/// The test rolls back itself, so that the clean-up fails, too. Neither failure hides the other.
#[airtight::test]
fn the_first_failure_stays_the_failure(t: &mut T) {
    let connection = connect(t);
    t.register(roll_back(&connection));
    connection.begin();
    connection.roll_back();
    connection.execute("insert into notes");
}

/// Nobody rolls back: that the connection cannot be closed is a failure with a name.
#[airtight::test]
fn a_clean_up_that_fails_has_a_name(t: &mut T) {
    let connection = connect(t);
    connection.begin();
}

/// Each subtest has a transaction of its own, and the connection is the test's.
#[airtight::test]
fn each_case_has_its_own_transaction(t: &mut T) {
    let connection = connect(t);
    for statement in ["insert into notes values (1);", "delete from notes", "delete from notes;"] {
        t.run(statement, |t| {
            t.register(roll_back(&connection));
            connection.begin();
            connection.execute(statement);
        });
    }
}
