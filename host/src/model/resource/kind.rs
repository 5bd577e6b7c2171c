//! The kinds of resources that a test can leave behind: a row each.

use super::setting::LeakSetting;
use crate::model::language::Language;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What kind of thing was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ResourceKind {
    /// A file.
    File,
    /// A directory.
    Dir,
    /// A socket.
    Socket,
    /// A file left in the scratch file system. It is not open, and it is not a leak unless the policy says so.
    Residue,
    /// A directory left in the scratch file system; see [`ResourceKind::Residue`].
    ResidueDir,
    /// A resource of a kind of the user's own; [`Resource::tracked`](super::Resource::tracked) names the kind.
    Tracked,
    /// Blocks of the heap that were allocated at one place.
    Heap,
    /// Threads that were spawned at one place, and do the same at one place.
    Thread,
    /// Goroutines that were started at one place, and do the same at one place.
    Task,
    /// Asynchronous tasks that were spawned at one place and wait at one place.
    AsyncTask,
}

/// The heading under which leaks of a kind are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Heading {
    /// Open handles, tracked resources, and files in scratch.
    LeftOpen,
    /// Heap blocks that nothing reaches.
    Lost,
    /// Threads and tasks that had not come to their end.
    NotEnded,
}

impl Heading {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::LeftOpen, Self::Lost, Self::NotEnded];

    /// `left open`, `lost`, `not ended`: what stands before "… when the test returned".
    pub const fn words(self) -> &'static str {
        match self {
            Self::LeftOpen => "left open",
            Self::Lost => "lost",
            Self::NotEnded => "not ended",
        }
    }
}

/// For which resources of a kind the report shows how many bytes went through them.
enum TrafficScope {
    /// For none: no bytes go through this kind.
    None,
    /// For leaks only.
    OfLeaks,
    /// For leaks, and for resources that the host took back.
    OfAll,
}

/// Everything that is specific to a kind.
struct KindRow {
    /// Its name in reports.
    name: &'static str,
    /// The nouns for one and for several.
    nouns: [&'static str; 2],
    heading: Heading,
    /// The words before the place of acquisition; `None` for a kind whose place is never known.
    acquired: Option<&'static str>,
    /// The words in place of the path, for a resource that has none.
    unnamed: &'static str,
    traffic: TrafficScope,
    /// Whether the bytes of several are summed up and shown beside their count.
    is_summed: bool,
    /// Whether figures are shown by function. The file is then not part of the fingerprint.
    is_known_by_function: bool,
    setting: LeakSetting,
    /// What to do about a leak. `{it}` stands for `it` or for `each of the 3`.
    advice: fn(Option<Language>) -> &'static str,
}

const FILE: KindRow = KindRow {
    name: "file",
    nouns: ["file", "files"],
    heading: Heading::LeftOpen,
    acquired: Some("acquired at"),
    unnamed: " of unknown path",
    traffic: TrafficScope::OfLeaks,
    is_summed: false,
    is_known_by_function: false,
    setting: LeakSetting::Handles,
    advice: close,
};

const DIR: KindRow = KindRow { name: "dir", nouns: ["directory", "directories"], traffic: TrafficScope::None, ..FILE };

const SOCKET: KindRow =
    KindRow { name: "socket", nouns: ["socket", "sockets"], unnamed: "", traffic: TrafficScope::OfAll, ..FILE };

const RESIDUE: KindRow = KindRow {
    name: "residue",
    nouns: ["file left in scratch", "files left in scratch"],
    acquired: None,
    unnamed: ", too many to be listed",
    traffic: TrafficScope::None,
    setting: LeakSetting::Residue,
    advice: |_| "remove {it} before the test returns, or set `residue = \"ignore\"` in `leaks`",
    ..FILE
};

const RESIDUE_DIR: KindRow =
    KindRow { name: "residue-dir", nouns: ["directory left in scratch", "directories left in scratch"], ..RESIDUE };

const TRACKED: KindRow = KindRow {
    name: "tracked",
    nouns: ["tracked resource", "tracked resources"],
    unnamed: "",
    traffic: TrafficScope::None,
    setting: LeakSetting::Tracked,
    advice: release,
    ..FILE
};

const HEAP: KindRow = KindRow {
    name: "heap",
    nouns: ["heap block", "heap blocks"],
    heading: Heading::Lost,
    acquired: Some("allocated at"),
    unnamed: "",
    traffic: TrafficScope::None,
    is_summed: true,
    is_known_by_function: true,
    setting: LeakSetting::Heap,
    advice: free,
};

const THREAD: KindRow = KindRow {
    name: "thread",
    nouns: ["thread", "threads"],
    heading: Heading::NotEnded,
    acquired: Some("spawned at"),
    unnamed: "",
    traffic: TrafficScope::None,
    setting: LeakSetting::Threads,
    advice: |_| "tell {it} to end, and join it, before the test returns, or set `threads = \"ignore\"` in `leaks`",
    ..FILE
};

const TASK: KindRow = KindRow {
    name: "task",
    nouns: ["goroutine", "goroutines"],
    acquired: Some("started at"),
    setting: LeakSetting::Tasks,
    advice: |_| "have {it} end, and wait for that, before the test returns, or set `tasks = \"ignore\"` in `leaks`",
    ..THREAD
};

const ASYNC_TASK: KindRow = KindRow {
    name: "async-task",
    nouns: ["task", "tasks"],
    acquired: Some("spawned at"),
    advice: |_| "join or cancel {it} before the test returns, or have it end when `T::context` is cancelled",
    ..TASK
};

fn close(language: Option<Language>) -> &'static str {
    match language {
        Some(Language::Rust) => "close {it}, or drop its owner, before the test returns",
        None => "close {it}, or what owns it, before the test returns",
        Some(Language::C) => "close {it} before the test returns",
        Some(Language::Cpp) => "close {it}, or let its owner be destroyed, before the test returns",
        Some(Language::Go) => "close {it}, with `defer f.Close()` where it is opened, before the test returns",
    }
}

fn release(language: Option<Language>) -> &'static str {
    match language {
        Some(Language::Rust) => "release {it}, or drop what owns it, before the test returns",
        Some(Language::C | Language::Cpp | Language::Go) | None => {
            "release {it}, or what owns it, before the test returns"
        }
    }
}

fn free(language: Option<Language>) -> &'static str {
    match language {
        Some(Language::Rust) => "free {it}, or drop its owner, before the test returns",
        None => "free {it}, or what owns it, before the test returns",
        Some(Language::C) => "free {it} before the test returns",
        Some(Language::Cpp) => "delete {it}, or give it to a smart pointer that is destroyed, before the test returns",
        Some(Language::Go) => "free {it}, as memory of C's has to be, before the test returns",
    }
}

impl ResourceKind {
    /// All kinds, in the order in which they are counted.
    pub const ALL: [Self; 10] = [
        Self::File,
        Self::Dir,
        Self::Socket,
        Self::Residue,
        Self::ResidueDir,
        Self::Tracked,
        Self::Heap,
        Self::Thread,
        Self::Task,
        Self::AsyncTask,
    ];

    const NAMES: [&str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut nth = 0;
        while nth < names.len() {
            names[nth] = Self::ALL[nth].name();
            nth += 1;
        }
        names
    };

    const fn row(self) -> &'static KindRow {
        match self {
            Self::File => &FILE,
            Self::Dir => &DIR,
            Self::Socket => &SOCKET,
            Self::Residue => &RESIDUE,
            Self::ResidueDir => &RESIDUE_DIR,
            Self::Tracked => &TRACKED,
            Self::Heap => &HEAP,
            Self::Thread => &THREAD,
            Self::Task => &TASK,
            Self::AsyncTask => &ASYNC_TASK,
        }
    }

    /// The name in reports: `file`, `dir`.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The noun for so many: `directory`, `heap blocks`.
    pub fn noun(self, count: u64) -> &'static str {
        let [one, many] = self.row().nouns;
        if count == 1 { one } else { many }
    }

    /// The list that leaks of this kind stand in.
    pub fn heading(self) -> Heading {
        self.row().heading
    }

    /// The words before the place of acquisition, such as `acquired at`; `None` for a kind whose place is never known.
    pub fn acquired(self) -> Option<&'static str> {
        self.row().acquired
    }

    /// What follows the noun of a resource without a path: ` of unknown path`; empty for a kind that never has a path.
    pub fn unnamed(self) -> &'static str {
        self.row().unnamed
    }

    /// Whether the report shows how many bytes went through a resource that leaked (`leaked`), or that the host took back.
    pub fn shows_traffic(self, leaked: bool) -> bool {
        match self.row().traffic {
            TrafficScope::None => false,
            TrafficScope::OfLeaks => leaked,
            TrafficScope::OfAll => true,
        }
    }

    /// Whether the bytes of several are summed up and shown beside their count.
    pub fn is_summed(self) -> bool {
        self.row().is_summed
    }

    /// Whether two reports are compared by what each function left of this kind, and not entry by entry.
    pub fn is_known_by_function(self) -> bool {
        self.row().is_known_by_function
    }

    /// The setting that decides what a leak of this kind does to the verdict.
    pub fn setting(self) -> LeakSetting {
        self.row().setting
    }

    /// What to do about a leak, in the words of the guest's language; `None` gives words that hold for all languages. `it` is
    /// `it`, or `each of the 3` for several.
    pub fn advice(self, language: Option<Language>, it: &str) -> String {
        (self.row().advice)(language).replace("{it}", it)
    }
}

impl Serialize for ResourceKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for ResourceKind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == name);
        kind.ok_or_else(|| D::Error::unknown_variant(&name, &Self::NAMES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for kind in ResourceKind::ALL {
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("{:?}", kind.name()));
            assert_eq!(serde_json::from_str::<ResourceKind>(&json).unwrap(), kind);
        }
        let error = serde_json::from_str::<ResourceKind>("\"lamp\"").unwrap_err().to_string();
        assert!(error.starts_with("unknown variant `lamp`, expected one of `file`, `dir`, `socket`, "), "{error}");
    }

    #[test]
    fn kinds_are_counted_in_the_order_of_their_headings() {
        assert!(ResourceKind::ALL.is_sorted_by_key(|kind| (kind.heading(), *kind)));
    }

    #[test]
    fn advice_is_in_the_words_of_the_language() {
        let words = |language| ResourceKind::ALL.map(|kind| kind.advice(language, "it")).join("\n");
        insta::assert_snapshot!(words(Some(Language::Rust)), @r#"
        close it, or drop its owner, before the test returns
        close it, or drop its owner, before the test returns
        close it, or drop its owner, before the test returns
        remove it before the test returns, or set `residue = "ignore"` in `leaks`
        remove it before the test returns, or set `residue = "ignore"` in `leaks`
        release it, or drop what owns it, before the test returns
        free it, or drop its owner, before the test returns
        tell it to end, and join it, before the test returns, or set `threads = "ignore"` in `leaks`
        have it end, and wait for that, before the test returns, or set `tasks = "ignore"` in `leaks`
        join or cancel it before the test returns, or have it end when `T::context` is cancelled
        "#);
        for language in [Some(Language::C), Some(Language::Cpp), Some(Language::Go), None] {
            assert!(!words(language).contains("drop"), "{language:?}");
        }
        assert_eq!(
            ResourceKind::Heap.advice(None, "each of the 3"),
            "free each of the 3, or what owns it, before the test returns"
        );
    }
}
