//! The smallest part of a list that still has an effect.

/// A part of `all`, in the same order, that has the effect and loses it when any single element is left out. `all` itself
/// must have the effect.
///
/// This is the algorithm `ddmin`: Zeller and Hildebrandt, *Simplifying and isolating failure-inducing input*, IEEE Transactions on
/// Software Engineering 28(2), 2002.
///
/// # Errors
/// Those of `has_effect`.
pub(super) fn minimal<E>(
    all: &[usize],
    has_effect: &mut dyn FnMut(&[usize]) -> Result<bool, E>,
) -> Result<Vec<usize>, E> {
    let mut kept = all.to_vec();
    let mut parts = 2;
    while kept.len() > 1 {
        let size = kept.len().div_ceil(parts);
        let chunks: Vec<Vec<usize>> = kept.chunks(size).map(<[usize]>::to_vec).collect();
        let without = |left_out: usize| -> Vec<usize> {
            let others = chunks.iter().enumerate().filter(|(index, _)| *index != left_out);
            others.flat_map(|(_, chunk)| chunk.iter().copied()).collect()
        };
        let mut next = None;
        for chunk in &chunks {
            if has_effect(chunk)? {
                next = Some((chunk.clone(), 2));
                break;
            }
        }
        // If there are two parts, leaving out one leaves the other, which was already tried.
        for left_out in 0..if next.is_none() && chunks.len() > 2 { chunks.len() } else { 0 } {
            let rest = without(left_out);
            if has_effect(&rest)? {
                next = Some((rest, (parts - 1).max(2)));
                break;
            }
        }
        match next {
            Some((smaller, fewer)) => (kept, parts) = (smaller, fewer),
            None if parts >= kept.len() => break,
            None => parts = (parts * 2).min(kept.len()),
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    proptest! {
        #[test]
        fn whoever_is_needed_is_found_and_nobody_else(len in 1..60_usize, wanted in prop::collection::btree_set(0..60_usize, 1..5)) {
            let wanted: BTreeSet<usize> = wanted.into_iter().map(|one| one % len).collect();
            let all: Vec<usize> = (0..len).collect();
            let mut looks = 0;
            let found = minimal(&all, &mut |part: &[usize]| {
                looks += 1;
                Ok::<_, Infallible>(wanted.iter().all(|one| part.contains(one)))
            });
            prop_assert_eq!(found.unwrap(), wanted.into_iter().collect::<Vec<_>>());
            prop_assert!(looks <= len * len + 3 * len, "{} looks at {}", looks, len);
        }
    }

    #[test]
    fn one_of_many_takes_few_looks() {
        let all: Vec<usize> = (0..1024).collect();
        let mut looks = 0;
        let found = minimal(&all, &mut |part: &[usize]| {
            looks += 1;
            Ok::<_, Infallible>(part.contains(&700))
        });
        assert!(found == Ok(vec![700]) && looks <= 20, "{looks}");
    }
}
