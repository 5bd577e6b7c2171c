//! One table, tested four ways. Natively all four pass.

use descriptor_pile_up::Cities;
use std::path::Path;
use std::sync::Mutex;

const CASES: [(&str, Option<u32>); 8] = [
    ("Bergen", Some(291_940)),
    ("Bilbao", Some(346_405)),
    ("Ghent", Some(265_086)),
    ("Graz", Some(302_749)),
    ("Lyon", Some(522_250)),
    ("Malmo", Some(357_377)),
    ("Atlantis", None),
    ("Turku", Some(202_250)),
];

/// Things to release when everything is over. Nothing drops a static.
static AT_THE_END: Mutex<Vec<Cities>> = Mutex::new(Vec::new());

fn open() -> Cities {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cities.csv");
    match Cities::open(&path) {
        Ok(cities) => cities,
        Err(error) => panic!("cannot open the list: {error}"),
    }
}

#[test]
fn each_case_closes_its_own() {
    for (city, population) in CASES {
        let mut cities = open();
        assert_eq!(cities.population(city), population, "{city}");
    }
}

#[test]
fn all_are_closed_when_the_function_ends() {
    let mut deferred = Vec::new();
    for (city, population) in CASES {
        let mut cities = open();
        assert_eq!(cities.population(city), population, "{city}");
        deferred.push(cities);
    }
}

/// The same where airtight.toml leaves room for four files: how large may the table get?
#[test]
fn few_handles_are_enough_for_any_table() {
    all_are_closed_when_the_function_ends();
}

#[test]
fn none_is_closed_ever() {
    for (city, population) in CASES {
        let mut cities = open();
        assert_eq!(cities.population(city), population, "{city}");
        AT_THE_END.lock().expect("no test has panicked").push(cities);
    }
}
