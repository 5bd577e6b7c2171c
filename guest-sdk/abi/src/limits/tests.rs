use super::*;
use crate::units::Quantity;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::ToString;

#[test]
fn every_limit_is_found_by_its_names() {
    for limit in Limit::ALL {
        let row = limit.row();
        assert_eq!((Limit::from_name(row.name), Limit::from_key(row.key)), (Some(limit), Some(limit)));
        let unit = if row.quantity == Quantity::Duration { "-ms" } else { "" };
        assert_eq!(row.key, format!("{}{unit}", row.name));
    }
    assert_eq!(Limit::ALL.map(|limit| limit as usize), core::array::from_fn(|nth| nth));
    assert_eq!(Limit::ALL.map(Limit::variable).into_iter().collect::<BTreeSet<_>>().len(), Limit::COUNT);
    assert_eq!((Limit::PeakHeap.attribute().as_str(), Limit::Io.variable().as_str()), ("peak_heap", "AIRTIGHT_IO"));
    assert_eq!(Limit::from_name("peak_heap"), None);
}

#[test]
fn rows_are_whole() {
    for limit in Limit::ALL {
        let row = limit.row();
        assert!(!row.help.is_empty() && !row.advice.is_empty() && row.sources.contains(&Source::Profile), "{limit:?}");
        assert_eq!(row.elsewhere.is_empty(), row.sources.len() == Source::ALL.len(), "{limit:?}");
        assert!(row.default.is_none_or(|value| limit.check(value) == Ok(value)), "{limit:?}");
        assert_eq!(row.unit[0].is_empty(), row.quantity == Quantity::Size, "{limit:?}");
        // A figure of the heap is judged where it was measured; without one there is no telling.
        assert!(row.heap.is_none() || (row.breach == Breach::Memory && row.default.is_none()), "{limit:?}");
    }
}

#[test]
fn values_have_bounds() {
    assert_eq!(Limit::Memory.parse("4MiB"), Ok(4 << 20));
    assert_eq!(Limit::Lost.parse("0"), Ok(0));
    let wrong = [(Limit::Fuel, "0"), (Limit::Handles, "4294967296"), (Limit::Timeout, "5")];
    let messages = wrong.map(|(limit, text)| limit.parse(text).unwrap_err().to_string());
    assert_eq!(messages[0], "`fuel` is more than 0: no test can run with less");
    assert_eq!(messages[1], "`handles` is at most 4294967295");
    assert!(messages[2].contains("is not a duration"), "{}", messages[2]);
}

#[test]
fn values_are_kept_by_limit() {
    let weaker = LimitValues::NONE.with(Limit::Memory, 1).with(Limit::Io, 2);
    let both = LimitValues::NONE.with(Limit::Io, 3).or(&weaker);
    assert_eq!(both.iter().collect::<alloc::vec::Vec<_>>(), [(Limit::Memory, 1), (Limit::Io, 3)]);
    assert_eq!(both.iter().collect::<LimitValues>(), both);
    assert_eq!(LimitValues::default().iter().next(), None);
}
