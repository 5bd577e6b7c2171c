//! What a baseline accepts: leaks that are named, and leaks that a pattern describes.

use super::pattern::{FramePattern, Glob, Part, matches_stack};
use crate::model::Resource;
use crate::model::accepted::{RETAINED, kind_name, title};
use crate::model::resource::Fingerprint;
use crate::model::{Date, ResourceKind};
use serde::Serialize;

/// What kind of thing a rule is about: a kind of leak, or the heap blocks that static data reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleKind {
    pub kind: ResourceKind,
    pub retained: bool,
}

impl RuleKind {
    /// Every word, with what it stands for.
    pub fn words() -> Vec<(&'static str, Self)> {
        let leaks = ResourceKind::ALL.into_iter().map(|kind| (kind.name(), Self { kind, retained: false }));
        leaks.chain([(RETAINED, Self { kind: ResourceKind::Heap, retained: true })]).collect()
    }

    pub fn word(self) -> &'static str {
        kind_name(self.kind, self.retained)
    }
}

/// Why something is accepted, and until when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Grounds {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its last day. Which day it is changes nothing in the canonical part of a report, so neither does this.
    #[serde(skip)]
    pub expires: Option<Date>,
}

/// One leak of one test, by what does not change when code above it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedLeak {
    pub module: String,
    pub test: String,
    /// The subtest that acquired it, or `set-up`; `None` for the test itself.
    pub scope: Option<String>,
    pub kind: RuleKind,
    pub tracked: Option<String>,
    pub path: Option<String>,
    pub function: Option<String>,
    pub file: Option<String>,
    pub grounds: Grounds,
}

impl NamedLeak {
    /// The one that this is.
    pub fn of(module: &str, test: &str, leak: &Resource, retained: bool, grounds: Grounds) -> Self {
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

    /// What it is called in a report of its test.
    pub fn label(&self) -> String {
        let title = title(&self.fingerprint(), self.kind.retained);
        self.scope.as_ref().map_or(title.clone(), |scope| format!("{title}, {scope}"))
    }

    /// Whether it is this leak of its test.
    pub fn is(&self, leak: &Resource, retained: bool) -> bool {
        self.kind.retained == retained
            && self.fingerprint() == leak.fingerprint()
            && *self.scope.as_ref().unwrap_or(&self.test) == leak.scope
    }
}

/// A pattern of leaks. What is not said of them may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    pub name: String,
    pub kinds: Vec<RuleKind>,
    pub module: Option<Glob>,
    pub test: Option<Glob>,
    pub path: Option<Glob>,
    /// LeakSanitizer's: a part of any function, file or library of the stack.
    pub leak: Option<Part>,
    /// Valgrind's: the innermost frames of the stack.
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
