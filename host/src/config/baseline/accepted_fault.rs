//! An accepted finding of `airtight faults`: an entry under `[[fault]]`.

use super::rules::Grounds;
use crate::model::{BaselineEntry, FindingId, FindingKind};

/// One finding, described by what does not change when other code of the file does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedFault {
    pub module: String,
    /// The first test that shows it. It is not part of the finding's identity: another test may come to the same place.
    pub test: String,
    pub kind: FindingKind,
    pub object: String,
    pub function: Option<String>,
    pub file: Option<String>,
    pub place: Option<String>,
    pub grounds: Grounds,
}

impl AcceptedFault {
    /// The identity of the finding.
    pub(super) fn id(&self) -> FindingId<'_> {
        let [function, file, place] = [&self.function, &self.file, &self.place].map(|text| text.as_deref());
        FindingId { module: &self.module, kind: self.kind, object: &self.object, function, file, place }
    }

    /// The entry as a report shows it.
    pub(super) fn entry(&self) -> BaselineEntry {
        BaselineEntry {
            module: Some(self.module.clone()),
            test: Some(self.test.clone()),
            what: self.id().title(),
            expires: self.grounds.expires,
            reason: self.grounds.reason.clone(),
        }
    }
}
