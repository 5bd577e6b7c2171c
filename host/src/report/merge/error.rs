//! Why reports cannot be joined.

/// Why reports cannot be joined into the one of a single run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// There are no reports.
    #[error("there is nothing to merge")]
    Nothing,
    /// A part is not there.
    #[error("not all parts are there: {missing} is missing")]
    Missing {
        /// The parts, as `--partition` names them.
        missing: String,
    },
    /// Two reports are of the same part.
    #[error("{first} and {other} are both of part {partition}")]
    SamePart {
        /// A report.
        first: String,
        /// Another one.
        other: String,
        /// The part.
        partition: String,
    },
    /// Reports are of different partitions.
    #[error("{first} is of {partitions}, and {other} is of {other_partitions}: parts of one partition belong together")]
    Partitions {
        /// A report.
        first: String,
        /// Another one.
        other: String,
        /// Of how many parts the first is one.
        partitions: String,
        /// Of how many parts the other is one.
        other_partitions: String,
    },
    /// The policies differ.
    #[error("{first} and {other} were run under different policies: {differences}")]
    Policies {
        /// A report.
        first: String,
        /// Another one.
        other: String,
        /// What differs.
        differences: String,
    },
    /// The parts were made by different versions of airtight.
    #[error("{first} was written by airtight {}, and {other} by {}; run all parts with one", versions[0], versions[1])]
    Versions {
        /// A report.
        first: String,
        /// Another one.
        other: String,
        /// Their versions.
        versions: [String; 2],
    },
    /// A test is in two parts.
    #[error("{module} {test} is in {first} and in {other}; parts may not overlap")]
    Twice {
        /// The module.
        module: String,
        /// The test.
        test: String,
        /// A report.
        first: String,
        /// Another one.
        other: String,
    },
    /// A set-up or teardown that several parts ran came to different ends.
    #[error("{module} {entry}, which {first} and {other} both ran, is not the same in both: {differences}")]
    World {
        /// The module.
        module: String,
        /// The set-up or teardown.
        entry: String,
        /// A report.
        first: String,
        /// Another one.
        other: String,
        /// What differs.
        differences: String,
    },
    /// What a set-up or teardown adds to the figures of a part is not known, and another part ran it, too.
    #[error(
        "{first} and {other} both ran {module} {entry}, and {silent} does not say what that adds to its gates; run each part with --partition"
    )]
    WorldFigures {
        /// The module.
        module: String,
        /// The set-up or teardown.
        entry: String,
        /// A report.
        first: String,
        /// Another one.
        other: String,
        /// That of the two which does not say it.
        silent: String,
    },
    /// A module was built from other code.
    #[error("{module} has other code in {other} than in {first}; build once, or alike, for all parts")]
    Code {
        /// The module.
        module: String,
        /// A report.
        first: String,
        /// Another one.
        other: String,
    },
    /// A module is not the same in a part.
    #[error("{module} has another {what} in {other}")]
    Module {
        /// The module.
        module: String,
        /// The report.
        other: String,
        /// What differs.
        what: &'static str,
    },
    /// The gates are not the same ones.
    #[error("{first} and {other} were judged by different gates; run all parts with the same profile and base")]
    Gates {
        /// A report.
        first: String,
        /// Another one.
        other: String,
    },
    /// A part does not say at which places things were acquired.
    #[error(
        "{other} has no list of the places that its tests acquire at, so clean-up coverage cannot be joined; run each part with --partition and the same gate"
    )]
    Coverage {
        /// The report.
        other: String,
    },
    /// The real clock is granted to all tests of one part, and to some of another.
    #[error(
        "{first} says that all of its tests have the real clock, and {other} that some have; name the tests of the clock in overrides"
    )]
    Doubts {
        /// A report.
        first: String,
        /// Another one.
        other: String,
    },
}
