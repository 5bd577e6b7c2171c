//! The limits of the gates of a run.

use super::record::GateKind;
use crate::model::Threshold;
use std::collections::BTreeMap;

/// The limits of all gates that a profile sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GateLimits {
    /// The most that a figure of the run itself may be, for each gate that has no base.
    pub most: BTreeMap<GateKind, u64>,
    /// By how much a test may retain more than in the base.
    pub growth: Option<Threshold>,
    /// By what share all tests together may take more fuel than in the base.
    pub fuel: Option<Threshold>,
}

impl GateLimits {
    /// The gates that are set and compare with a base, each with its limit.
    pub fn with_base(&self) -> impl Iterator<Item = (GateKind, Threshold)> {
        [(GateKind::Growth, self.growth), (GateKind::Fuel, self.fuel)]
            .into_iter()
            .filter_map(|(kind, threshold)| Some((kind, threshold?)))
    }

    /// These limits, where those that `nearer` sets replace those of the same gate.
    #[must_use]
    pub(crate) fn overlaid(mut self, nearer: &Self) -> Self {
        self.most.extend(&nearer.most);
        Self { growth: nearer.growth.or(self.growth), fuel: nearer.fuel.or(self.fuel), ..self }
    }
}
