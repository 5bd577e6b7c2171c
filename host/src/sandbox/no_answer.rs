//! Why the probe of a module found nothing out.

/// Why a probe found nothing out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoAnswer {
    /// In words.
    pub(super) why: String,
    /// Whether the wall clock ended the probe. Then another machine may find out more, which is a doubt about every test
    /// that asks.
    pub(super) by_wall_clock: bool,
}
