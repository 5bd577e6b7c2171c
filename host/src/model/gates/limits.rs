//! What the gates of a run allow.

use super::record::GateKind;
use crate::model::Threshold;
use std::collections::BTreeMap;

/// What the gates allow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GateLimits {
    /// The most of a figure of the run itself.
    pub most: BTreeMap<GateKind, u64>,
    /// By how much a test may retain more than in the base.
    pub growth: Option<Threshold>,
    /// By what share all tests together may take more fuel than in the base.
    pub fuel: Option<Threshold>,
}

impl GateLimits {
    /// Those that compare with a base.
    pub fn with_base(&self) -> impl Iterator<Item = (GateKind, Threshold)> {
        [(GateKind::Growth, self.growth), (GateKind::Fuel, self.fuel)]
            .into_iter()
            .filter_map(|(kind, threshold)| Some((kind, threshold?)))
    }

    /// These, with what nearer ones set in the place of their own.
    #[must_use]
    pub(crate) fn overlaid(mut self, nearer: &Self) -> Self {
        self.most.extend(&nearer.most);
        Self { growth: nearer.growth.or(self.growth), fuel: nearer.fuel.or(self.fuel), ..self }
    }
}
