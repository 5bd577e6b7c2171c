//! The nearest right spelling of a wrong word.

/// The candidate that `word` was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let near = |candidate: &&str| distance(word, candidate) <= candidate.len().max(3) / 3;
    candidates.iter().copied().filter(near).min_by_key(|candidate| distance(word, candidate))
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood_and_strangers_are_not() {
        let words = ["memory", "fuel", "timeout", "grant", "grants"];
        assert_eq!(nearest("memroy", &words), Some("memory"));
        assert_eq!(nearest("time_out", &words), Some("timeout"));
        assert_eq!(nearest("grant_s", &words), Some("grants"));
        assert_eq!(nearest("color", &words), None);
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
