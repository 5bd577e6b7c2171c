//! The rules of a baseline: leaks that are accepted by name, and suppressions, which accept by a pattern.

use super::pattern::{FramePattern, Glob, PatternPart, matches_stack};
use crate::model::Resource;
use crate::model::accepted::{RETAINED, kind_name, title};
use crate::model::resource::Fingerprint;
use crate::model::{Date, ResourceKind};
use serde::Serialize;

/// The kind of resource that a rule accepts: a kind of leak, or retained heap blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleKind {
    pub kind: ResourceKind,
    pub retained: bool,
}

impl RuleKind {
    /// Every word of a baseline for a kind, with the kind.
    pub fn words() -> Vec<(&'static str, Self)> {
        let leaks = ResourceKind::ALL.into_iter().map(|kind| (kind.name(), Self { kind, retained: false }));
        leaks.chain([(RETAINED, Self { kind: ResourceKind::Heap, retained: true })]).collect()
    }

    pub fn word(self) -> &'static str {
        kind_name(self.kind, self.retained)
    }
}

/// Why a rule accepts something, and until when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Grounds {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The last day of the rule. The canonical part of a report does not depend on the day of the run, and so not on this
    /// field.
    #[serde(skip)]
    pub expires: Option<Date>,
}

/// One accepted leak of one test, described by what does not change when other code of the file does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedLeak {
    pub module: String,
    pub test: String,
    /// The scope that acquired it, if that is not the test itself: a subtest, or `set-up`.
    pub scope: Option<String>,
    pub kind: RuleKind,
    pub tracked: Option<String>,
    pub path: Option<String>,
    pub function: Option<String>,
    pub file: Option<String>,
    pub grounds: Grounds,
}

impl NamedLeak {
    /// The rule that accepts this leak.
    pub fn accepting(module: &str, test: &str, leak: &Resource, retained: bool, grounds: Grounds) -> Self {
        let Fingerprint { kind, tracked, path, function, file } = leak.fingerprint();
        let [tracked, path, function, file] = [tracked, path, function, file].map(|text| text.map(str::to_owned));
        let scope = (leak.scope != test).then(|| leak.scope.clone());
        let kind = RuleKind { kind, retained };
        Self { module: module.to_owned(), test: test.to_owned(), scope, kind, tracked, path, function, file, grounds }
    }

    fn fingerprint(&self) -> Fingerprint<'_> {
        let [tracked, path, function, file] =
            [&self.tracked, &self.path, &self.function, &self.file].map(|text| text.as_deref());
        Fingerprint { kind: self.kind.kind, tracked, path, function, file }
    }

    /// The leak's name in the report of its test.
    pub fn label(&self) -> String {
        let title = title(&self.fingerprint(), self.kind.retained);
        self.scope.as_ref().map_or(title.clone(), |scope| format!("{title}, {scope}"))
    }

    /// Whether the rule is about this leak. That the leak is of the rule's test is for the caller to see to.
    pub fn is(&self, leak: &Resource, retained: bool) -> bool {
        self.kind.retained == retained
            && self.fingerprint() == leak.fingerprint()
            && *self.scope.as_ref().unwrap_or(&self.test) == leak.scope
    }
}

/// A pattern that accepts leaks. A field that is `None` (or empty) matches everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    pub name: String,
    pub kinds: Vec<RuleKind>,
    pub module: Option<Glob>,
    pub test: Option<Glob>,
    pub path: Option<Glob>,
    /// As in LeakSanitizer: a part of the name of any function, file or library of the stack.
    pub leak: Option<PatternPart>,
    /// As in Valgrind: the innermost frames of the stack.
    pub frames: Option<Vec<FramePattern>>,
    pub grounds: Grounds,
}

impl Suppression {
    pub fn matches(&self, module: &str, test: &str, leak: &Resource, retained: bool) -> bool {
        let is = |glob: &Option<Glob>, text: Option<&str>| {
            glob.as_ref().is_none_or(|glob| text.is_some_and(|text| glob.matches(text)))
        };
        let kind = RuleKind { kind: leak.kind, retained };
        (self.kinds.is_empty() || self.kinds.contains(&kind))
            && is(&self.module, Some(module))
            && is(&self.test, Some(test))
            && is(&self.path, leak.path.as_deref())
            && self.leak.as_ref().is_none_or(|part| part.matches(&leak.stack))
            && self.frames.as_ref().is_none_or(|frames| matches_stack(frames, &leak.stack))
    }
}
