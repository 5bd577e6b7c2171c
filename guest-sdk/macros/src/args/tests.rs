use super::*;
use quote::quote;

fn parse(tokens: proc_macro2::TokenStream) -> Result<Args> {
    syn::parse2(tokens)
}

fn message(tokens: proc_macro2::TokenStream) -> String {
    parse(tokens).err().unwrap().to_string()
}

#[test]
fn everything_at_once() {
    let args = parse(quote! {
        memory = "4MiB", fuel = "10M", timeout = "5s", grants("server", "db",), grant = "cache",
        should_panic(expected = "boom"), ignore = "slow", crate = ::other::airtight,
    })
    .unwrap();
    let [memory, fuel, timeout] = [Limit::Memory, Limit::Fuel, Limit::Timeout].map(|limit| args.limits.get(limit));
    assert_eq!((memory, fuel, timeout), (Some(4 << 20), Some(10_000_000), Some(5_000)));
    assert_eq!(args.grants.iter().map(LitStr::value).collect::<Vec<_>>(), ["server", "db", "cache"]);
    assert_eq!(args.should_panic.unwrap().value(), "boom");
    assert_eq!(args.ignore.unwrap().value(), "slow");
    assert!(args.sdk.is_some());
}

#[test]
fn markers_stand_alone_too() {
    let args = parse(quote! { should_panic, ignore }).unwrap();
    assert!(args.should_panic.unwrap().text.is_none() && args.ignore.unwrap().text.is_none());
    assert_eq!(parse(quote! { should_panic = "x" }).unwrap().should_panic.unwrap().value(), "x");
}

#[test]
fn numbers_need_no_quotes() {
    let args = parse(quote! { memory = 65_536, fuel = 1000 }).unwrap();
    assert_eq!(args.limits, LimitValues::NONE.with(Limit::Memory, 65_536).with(Limit::Fuel, 1000));
}

#[test]
fn the_heap_may_be_held_to_nothing() {
    let args = parse(quote! { peak_heap = "512KiB", lost = "0B", retained = 4096, allocations = "1K" }).unwrap();
    let [peak_heap, lost, retained] =
        [Limit::PeakHeap, Limit::Lost, Limit::Retained].map(|limit| args.limits.get(limit));
    assert_eq!((peak_heap, lost, retained), (Some(512 << 10), Some(0), Some(4096)));
    assert_eq!(args.limits.get(Limit::Allocations), Some(1000));
    assert_eq!(parse(quote! { allocations = 0 }).unwrap().limits.get(Limit::Allocations), Some(0));
    assert_eq!(message(quote! { lost = "0B", lost = 0 }), "`lost` is given twice");
    assert!(message(quote! { allocations = "1KiB" }).contains("is not a count; write for example \"10K\""));
    assert!(message(quote! { peak_heap = "512K" }).contains("is not a size; write for example \"512KiB\""));
    assert_eq!(message(quote! { peakheap = 1 }), "unknown key `peakheap`: did you mean `peak_heap`?");
}

#[test]
fn wrong_units_say_what_would_do() {
    assert_eq!(parse(quote! { memory = "4 MB" }).unwrap().limits.get(Limit::Memory), Some(4_000_000));
    assert!(message(quote! { memory = "4 megs" }).contains("is not a size; write for example \"4MiB\""));
    assert!(message(quote! { fuel = 1.5 }).contains("is not an amount of fuel"));
    assert!(message(quote! { timeout = 5 }).contains("is not a duration; write for example \"5s\""));
    assert!(message(quote! { memory = 4usize }).contains("\"4usize\" is not a size"));
    assert!(message(quote! { fuel = "0" }).contains("more than 0"));
}

#[test]
fn unknown_keys_name_the_nearest() {
    assert_eq!(message(quote! { memroy = "4MiB" }), "unknown key `memroy`: did you mean `memory`?");
    assert!(message(quote! { colour = "red" }).contains("a test takes `memory`, `fuel`"));
}

#[test]
fn forms_are_explained() {
    assert_eq!(message(quote! { memory("4MiB") }), "write `memory = \"…\"`");
    assert_eq!(message(quote! { grants = "db" }), "write `grants(\"name\", …)`");
    assert_eq!(message(quote! { should_panic(text = "x") }), "write `should_panic(expected = \"text\")`");
    assert_eq!(message(quote! { fuel = 1, fuel = 2 }), "`fuel` is given twice");
    assert!(message(quote! { grants("a", "a") }).contains("asked for already"));
    assert!(message(quote! { grant = "" }).contains("not empty"));
    assert!(message(quote! { ignore = "a\0b" }).contains("NUL"));
}

#[test]
fn every_limit_of_a_test_has_an_attribute() {
    for limit in Limit::ALL {
        let key = quote::format_ident!("{}", limit.attribute());
        let text = match limit.row().quantity {
            airtight_abi::units::Quantity::Duration => "1s",
            _ => "7",
        };
        match parse(quote! { #key = #text }) {
            Ok(args) => assert_eq!(args.limits.get(limit), limit.parse(text).ok(), "{key}"),
            Err(error) => {
                assert_eq!(limit, Limit::Stack);
                let why = "`stack` is not for one test: it is compiled into the engine, so it has one value a run";
                assert_eq!(error.to_string(), why);
            }
        }
    }
}
