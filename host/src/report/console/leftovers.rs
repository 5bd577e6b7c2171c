//! What a test left: first what was open, then heap blocks that were lost, then those that static data still reaches.

use super::baseline::{AcceptedText, PasteText};
use super::certainty::{NotCertain, bound, is_certain};
use super::entry::EntryText;
use super::resources::Inventory;
use super::stack::StackLines;
use super::style::Styles;
use super::units::{GroupedDigits, plural};
use crate::model::growth::Growth;
use crate::model::language::Language;
use crate::model::resource::{Cycles, Heading, HeldBy, culprits};
use crate::model::{Details, Heap, Resource, Verdict};
use std::fmt::{self, Display, Formatter};

/// The most places that one list shows. The JSON report has more of them.
const MAX_PLACES: usize = 20;

/// The lists of all that a test left, with what helps to find and release each of these.
pub(super) struct Leftovers<'a> {
    pub test: &'a str,
    pub verdict: Verdict,
    pub details: &'a Details,
    /// What is known of the test's heap.
    pub heap: Option<&'a Heap>,
    /// Whether the retained blocks of a test that passed are shown, too.
    pub all: bool,
    pub styles: &'a Styles,
}

impl Display for Leftovers<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let success = self.verdict.is_success();
        let shown = if success { ", which the policy only shows" } else { "" };
        for heading in Heading::ALL.into_iter().filter(|heading| self.leaks(*heading).next().is_some()) {
            let (bound, inventory) = (self.bound_of(heading), Inventory(self.leaks(heading)));
            let (what, when) = (heading.words(), self.when());
            let before = if self.details.unwound { "leaked on the way out, " } else { "" };
            writeln!(f, "    {before}{what} when {when}{shown}: {bound}{inventory}")?;
            self.list(f, self.leaks(heading), bound, true)?;
        }
        // For these blocks it has been said already what holds them.
        let unexplained = |leak: &&Resource| !leak.is_counted_cycle() && leak.held_by() != Some(HeldBy::Several);
        let kinds = self.details.open_leaks().filter(unexplained).map(|leak| leak.kind);
        if let Some(culprits) = culprits(self.language(), kinds, self.cycles()) {
            writeln!(f, "    where it seems to be released already, look for: {culprits}")?;
        }
        if self.all || !success {
            self.write_retained(f)?;
        }
        if self.all || !success {
            write!(f, "{}", AcceptedText(&self.details.accepted))?;
        }
        let grown = self.details.growth.as_ref().is_some_and(|growth| !growth.sites.is_empty());
        let lost = self.leaks(Heading::Lost).next().is_some();
        let doubt = self.heap.filter(|heap| self.all || !success || lost || grown || heap.lost_track().is_some());
        doubt.map_or(Ok(()), |heap| write!(f, "{}", NotCertain(heap)))
    }
}

impl<'a> Leftovers<'a> {
    fn leaks(&self, heading: Heading) -> impl Iterator<Item = &'a Resource> + Clone + use<'a> {
        self.details.open_leaks().filter(move |leak| leak.kind.heading() == heading)
    }

    /// The retained blocks that no baseline accepts.
    fn retained(&self) -> impl Iterator<Item = &'a Resource> + Clone + use<'a> {
        self.details.retained.iter().filter(|entry| entry.accepted.is_none())
    }

    fn has_leaks(&self) -> bool {
        self.details.open_leaks().next().is_some()
    }

    /// Whether the test finished by leaving through `exit(0)`, as a program may.
    fn left_by_exit(&self) -> bool {
        self.details.exit_status == Some(0)
    }

    /// How the test came to the end at which something was left.
    fn when(&self) -> &'static str {
        match self.details {
            Details { unwound: true, .. } => "the panic had unwound",
            _ if self.left_by_exit() => "the program left through exit(0)",
            _ => "the test returned",
        }
    }

    /// Whether references may form a circle. They cannot if the report says how each leak is held.
    fn cycles(&self) -> Cycles {
        let mut leaks = self.details.open_leaks();
        let is_told = leaks
            .all(|leak| leak.held_by().is_some_and(|held_by| held_by != HeldBy::EachOther) || leak.is_counted_cycle());
        if is_told { Cycles::Told } else { Cycles::Possible }
    }

    /// The language that the stacks of all leaks have in common.
    fn language(&self) -> Option<Language> {
        Language::from_stacks(self.details.open_leaks().map(|leak| &*leak.stack))
    }

    /// The words before a figure of lost blocks or of retained ones; empty if the figure is exact.
    fn bound(&self, lost: bool) -> &'static str {
        if self.heap.is_some_and(Heap::is_bounded) { bound(lost) } else { "" }
    }

    /// The words before the figures under a heading.
    fn bound_of(&self, heading: Heading) -> &'static str {
        match heading {
            Heading::LeftOpen | Heading::NotEnded => "",
            Heading::Lost => self.bound(true),
        }
    }

    /// Whether only retained blocks can have made the verdict `leak`, as a profile with `leaks.retained = "fail"` does.
    fn only_retained(&self) -> bool {
        let grows = self.details.growth.as_ref().is_some_and(Growth::grows);
        self.verdict == Verdict::Leak && !grows && !self.has_leaks() && self.retained().next().is_some()
    }

    /// Whether what the test left is, or may be, why it did not pass.
    pub fn is_cause(&self) -> bool {
        self.has_leaks() || self.only_retained()
    }

    /// Writes one line that says how much was left, and one with the place of the first thing that was left.
    pub fn write_short(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let retained = self.retained().filter(|_| self.only_retained());
        let leaks = Heading::ALL
            .map(|heading| (heading.words(), self.bound_of(heading), Inventory(self.leaks(heading)).to_string()));
        let kept = ("retained", self.bound(false), Inventory(retained.clone()).to_string());
        let mut separator = "    ";
        for (what, bound, inventory) in leaks.into_iter().chain([kept]) {
            if !inventory.is_empty() {
                write!(f, "{separator}{what}: {bound}{inventory}")?;
                separator = "; ";
            }
        }
        writeln!(f)?;
        let mut all = Heading::ALL.into_iter().flat_map(|heading| self.leaks(heading)).chain(retained);
        let Some((first, label)) = all.next().and_then(|first| Some((first, first.kind.acquired()?))) else {
            return Ok(());
        };
        let label = format!("the first {label}");
        write!(f, "{}", StackLines { indent: "    ", label: &label, stack: &first.stack, styles: self.styles }.top())
    }

    fn write_retained(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let retained = self.retained();
        if retained.clone().next().is_none() {
            return Ok(());
        }
        let fails = if self.only_retained() { "; `leaks.retained` is `fail`" } else { "" };
        let (most, inventory) = (self.bound(false), Inventory(retained.clone()));
        let reaches = if most.is_empty() { "still reaches" } else { "may still reach" };
        let (when, holder) =
            (self.when(), if self.left_by_exit() { "static data or a running function" } else { "static data" });
        writeln!(f, "    retained when {when} ({holder} {reaches} it{fails}): {most}{inventory}")?;
        self.list(f, retained, most, false)?;
        if self.only_retained() {
            writeln!(f, "    to fix: let go of it before the test returns, or set `retained = \"show\"` in `leaks`")?;
        }
        Ok(())
    }

    /// Writes an entry for each of the first [`MAX_PLACES`].
    fn list(
        &self,
        f: &mut Formatter<'_>,
        resources: impl Iterator<Item = &'a Resource> + Clone,
        bound: &'static str,
        with_advice: bool,
    ) -> fmt::Result {
        let advice = with_advice.then(|| self.language());
        let Self { test, styles, .. } = *self;
        let listed = resources.clone().take(MAX_PLACES);
        let is_of_heap = |resource: &Resource| resource.kind.heading() == Heading::Lost;
        for resource in listed {
            let why_unknown = !is_of_heap(resource) || is_certain(self.heap);
            write!(f, "{}", EntryText { test, resource, bound, why_unknown, advice, styles })?;
            if styles.suppressions && (with_advice || self.only_retained()) && resource.omitted_places == 0 {
                write!(f, "{}", PasteText { leak: resource, retained: !with_advice })?;
            }
        }
        let rest = resources.skip(MAX_PLACES);
        let more: u64 = rest.clone().map(|resource| resource.omitted_places.max(1)).sum();
        if more > 0 {
            let places = if rest.clone().all(is_of_heap) { "of allocation" } else { "or paths" };
            let (place, whole) = (plural(more, "place", "places"), rest.clone().all(|rest| rest.omitted_places == 0));
            let which = if whole { "" } else { "as far as they are " };
            writeln!(f, "    - and {} more {place} {places}, {which}listed in the JSON report", GroupedDigits(more))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
