//! Which tests are run: libtest's filters, and nextest's partitions.

use std::str::FromStr;

/// What to do with tests marked `#[ignore]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RunIgnored {
    /// List them as skipped.
    #[default]
    No,
    /// Run them beside the others.
    Include,
    /// Run them alone.
    Only,
}

/// A choice of tests.
///
/// ```
/// use airtight::Selection;
///
/// let selection = Selection {
///     filters: vec!["parser::".to_owned()],
///     skip: vec!["slow".to_owned()],
///     partition: Some("slice:1/2".parse()?),
///     ..Selection::default()
/// };
/// assert!(selection.matches("parser::empty") && !selection.matches("parser::slow"));
/// # Ok::<(), airtight::PartitionError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// Substrings of names, any of which selects a test; none selects all.
    pub filters: Vec<String>,
    /// Whether filters and skips are whole names.
    pub exact: bool,
    /// Substrings of names that are left out.
    pub skip: Vec<String>,
    /// What to do with ignored tests.
    pub ignored: RunIgnored,
    /// One part of the selected tests.
    pub partition: Option<Partition>,
}

impl Selection {
    /// Whether a test of this name is selected, before ignoring and partition.
    pub fn matches(&self, name: &str) -> bool {
        let one = |filter: &String| if self.exact { name == filter } else { name.contains(filter.as_str()) };
        (self.filters.is_empty() || self.filters.iter().any(one)) && !self.skip.iter().any(one)
    }
}

/// Every `count`th test, from the `shard`th on: nextest's `slice:1/3`.
///
/// ```
/// use airtight::Partition;
///
/// let second: Partition = "slice:2/3".parse()?;
/// assert!(second.holds(1) && second.holds(4) && !second.holds(0));
/// # Ok::<(), airtight::PartitionError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    shard: usize,
    count: usize,
}

impl Partition {
    /// Whether the test at this place in the plan, from 0, belongs to it.
    pub fn holds(self, index: usize) -> bool {
        index % self.count == self.shard - 1
    }
}

/// A partition that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a partition; write for example slice:1/3, the first of three")]
pub struct PartitionError(String);

impl FromStr for Partition {
    type Err = PartitionError;

    fn from_str(text: &str) -> Result<Self, PartitionError> {
        let bad = || PartitionError(text.to_owned());
        let (shard, count) = text.strip_prefix("slice:").and_then(|rest| rest.split_once('/')).ok_or_else(bad)?;
        let (shard, count) = (shard.parse().map_err(|_| bad())?, count.parse().map_err(|_| bad())?);
        if shard == 0 || shard > count {
            return Err(bad());
        }
        Ok(Self { shard, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_libtest_s() {
        let mut selection = Selection { filters: vec!["parse".into()], ..Selection::default() };
        assert!(selection.matches("mod::parse_all") && !selection.matches("mod::print"));
        selection.skip = vec!["all".into()];
        assert!(!selection.matches("mod::parse_all"));
        selection = Selection { filters: vec!["a".into()], exact: true, ..Selection::default() };
        assert!(selection.matches("a") && !selection.matches("aa"));
        assert!(Selection::default().matches("anything"));
    }

    #[test]
    fn partitions_cover_everything_once() {
        let parts: Vec<Partition> = (1..=3).map(|shard| format!("slice:{shard}/3").parse().unwrap()).collect();
        for index in 0..20 {
            assert_eq!(parts.iter().filter(|part| part.holds(index)).count(), 1);
        }
        for wrong in ["slice:0/3", "slice:4/3", "1/3", "slice:a/3", "slice:1", "hash:1/2"] {
            assert!(wrong.parse::<Partition>().is_err(), "{wrong}");
        }
    }
}
