//! The nearest right spelling of a word.

/// The most bytes of a word that is compared. Longer ones are not misspellings, and the time of a comparison is the product of
/// both lengths.
const LONGEST: usize = 100;

/// The candidate that `word` most likely stands for; of two equally near ones, the first.
pub(super) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if word.len() > LONGEST {
        return None;
    }
    let word = fold(word);
    let most = match word.chars().count() {
        0 | 1 => 0,
        length => (length / 3).max(1),
    };
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (distance(&word, &fold(candidate)), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A word as it is compared: `_` instead of `-`, and capital letters, do not count as differences.
fn fold(word: &str) -> String {
    word.to_lowercase().replace('_', "-")
}

fn distance(word: &str, candidate: &str) -> usize {
    let shortened = word.len() >= 3 && candidate.starts_with(word);
    if shortened { 1 } else { strsim::osa_distance(word, candidate) }
}

/// `` `a`, `b` ``, for messages.
pub(super) fn listed<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    words.into_iter().map(|word| format!("`{}`", word.as_ref())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_slips_case_underscores_and_shortened_words() {
        let known = ["memory", "dir", "env", "on-request", "timeout"];
        for (word, right) in [
            ("memroy", "memory"),
            ("Memory", "memory"),
            ("dirs", "dir"),
            ("on_request", "on-request"),
            ("mem", "memory"),
        ] {
            assert_eq!(nearest(word, known), Some(right), "{word}");
        }
        for word in ["", "x", "directory", "environment"] {
            assert_eq!(nearest(word, known), None, "{word}");
        }
    }
}
