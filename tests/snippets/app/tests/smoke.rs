#[airtight::test]
fn parses(t: &mut airtight::T) {
    t.run("empty", |_| assert_eq!(app::parse(""), [""]));
    t.run("one", |_| assert_eq!(app::parse("a"), ["a"]));
}
