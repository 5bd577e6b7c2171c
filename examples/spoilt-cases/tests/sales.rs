//! Cases that sell from one stock.

use airtight::T;
use spoilt_cases::{GOODS, Stock};

/// What is sold, how many of it, and whether there are so many.
const CASES: [(&str, &str, u32, bool); 3] =
    [("some", "article 7", 5, true), ("all of them", "article 7", 7, true), ("too many", "article 7", 8, false)];

/// The second case finds what the first has left.
#[airtight::test]
fn one_case_spoils_the_next(t: &mut T) {
    let mut stock = Stock::load();
    for (name, article, count, is_there) in CASES {
        t.run(name, |_| assert_eq!(stock.sell(article, count).is_ok(), is_there));
    }
}

/// The second case is about what the first one sold, and nobody notices.
#[airtight::test]
fn one_case_needs_another(t: &mut T) {
    let mut stock = Stock::load();
    t.run("sells", |_| stock.sell("article 7", 7).unwrap());
    t.run("has sold", |_| assert_eq!(stock.sell("article 7", 1), Err(0)));
}

/// The stock is loaded once, and each case has it to itself.
#[airtight::test]
fn each_case_has_the_stock_to_itself(t: &mut T) {
    let mut stock = Stock::load();
    let all = 7 * u32::try_from(GOODS).unwrap();
    for (name, article, count, is_there) in CASES {
        t.fork(name, |_| {
            assert_eq!((stock.count(), stock.sell(article, count).is_ok()), (all, is_there));
        });
    }
    assert_eq!(stock.count(), all);
}
