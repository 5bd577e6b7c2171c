//! The nearest right spelling of a wrong word.

/// The candidate that `word` was probably meant to be.
pub(crate) fn nearest<'c>(word: &str, candidates: &'c [String]) -> Option<&'c str> {
    let distance = |candidate: &&str| strsim::osa_distance(word, candidate);
    let near = |candidate: &&str| distance(candidate) <= candidate.len().max(3) / 3;
    candidates.iter().map(String::as_str).filter(near).min_by_key(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood_and_strangers_are_not() {
        let words = ["memory", "fuel", "timeout", "grant", "grants"].map(str::to_owned);
        assert_eq!(nearest("memroy", &words), Some("memory"));
        assert_eq!(nearest("time_out", &words), Some("timeout"));
        assert_eq!(nearest("grant_s", &words), Some("grants"));
        assert_eq!(nearest("color", &words), None);
    }
}
