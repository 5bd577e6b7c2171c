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
        /// How many parts the first report's partition has.
        partitions: String,
        /// How many parts the other report's partition has.
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
    /// A set-up or teardown that several parts ran ended differently.
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
    /// A part does not say what a set-up or teardown adds to its figures, and another part ran the same one.
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
    /// A module's code is not the same in two parts.
    #[error("{module} has other code in {other} than in {first}; build once, or alike, for all parts")]
    Code {
        /// The module.
        module: String,
        /// A report.
        first: String,
        /// Another one.
        other: String,
    },
    /// Something of a module is not the same in two parts.
    #[error("{module} has another {what} in {other}")]
    Module {
        /// The module.
        module: String,
        /// The report.
        other: String,
        /// What differs.
        what: &'static str,
    },
    /// The parts were judged by different gates.
    #[error("{first} and {other} were judged by different gates; run all parts with the same profile and base")]
    Gates {
        /// A report.
        first: String,
        /// Another one.
        other: String,
    },
    /// A part does not say at which places its tests acquired things.
    #[error(
        "{other} has no list of the places that its tests acquire at, so clean-up coverage cannot be joined; run each part with --partition and the same gate"
    )]
    Coverage {
        /// The report.
        other: String,
    },
    /// In one part all tests have the real clock, and in another only some.
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
