//! What tests did, event by event, for a person: a line for each event, as strace writes them.

use super::sanitise::OneLine;
use super::stack::FrameLabel;
use super::style::Styles;
use super::units::{GroupedDigits, plural};
use super::wrap::WrappedText;
use crate::model::Frame;
use crate::model::trace::{TestTrace, TraceEvent, TraceKind};
use crate::report::Report;
use std::fmt::{self, Display, Formatter};

/// Columns that the fuel takes at the beginning of each line.
const FUEL: usize = 15;

/// Columns that the word for an event's kind takes.
const KIND: usize = 10;

/// The traces of a run: a line for each event, with the fuel spent until then. If `columns` is given, a place in the code
/// that would not fit beside its event has a line of its own.
///
/// ```
/// use airtight::report::{Report, console::render_trace};
/// # fn show(report: &Report) {
/// print!("{}", render_trace(report, false, Some(80)));
/// # }
/// ```
#[must_use]
pub fn render_trace(report: &Report, colours: bool, columns: Option<usize>) -> String {
    let styles = Styles::new(colours);
    let each = report.traces.iter().map(|trace| TraceText { trace, styles, columns }.to_string());
    each.collect()
}

struct TraceText<'a> {
    trace: &'a TestTrace,
    styles: Styles,
    columns: Option<usize>,
}

impl Display for TraceText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { trace, styles, .. } = self;
        let Styles { module, test, count, .. } = styles;
        let (of_module, of_test) = (OneLine(&trace.module), OneLine(&trace.test));
        writeln!(f, "{count}{:>FUEL$}  {module}{of_module}{module:#} {test}{of_test}{test:#}{count:#}", "fuel")?;
        let mut last = 0;
        for event in &trace.events {
            self.write_gap(f, event.nth - last - 1)?;
            self.write_event(f, event)?;
            last = event.nth;
        }
        self.write_gap(f, trace.left_out + trace.events.len() as u64 - last)?;
        let style = styles.verdict(trace.verdict);
        writeln!(f, "{:>FUEL$}  {style}{}{style:#}", "", trace.verdict.name())?;
        if let Some(why) = &trace.no_allocations {
            self.write_note(f, &format!("allocations are not traced: {}", OneLine(why)))?;
        }
        match trace.sites_left_out {
            0 => Ok(()),
            more => {
                self.write_note(f, &format!("{} places are left out: their names are too long", GroupedDigits(more)))
            }
        }
    }
}

impl TraceText<'_> {
    fn write_gap(&self, f: &mut Formatter<'_>, more: u64) -> fmt::Result {
        if more == 0 {
            return Ok(());
        }
        let events = plural(more, "event is", "events are");
        writeln!(f, "{:>FUEL$}  {} {events} left out; `--events` shows more", "…", GroupedDigits(more))
    }

    fn write_note(&self, f: &mut Formatter<'_>, note: &str) -> fmt::Result {
        write!(f, "{}", WrappedText { text: format!("{:>12} {note}\n", "Note"), columns: self.columns })
    }

    fn write_event(&self, f: &mut Formatter<'_>, event: &TraceEvent) -> fmt::Result {
        let fuel = event.fuel.map_or_else(|| "-".to_owned(), |fuel| GroupedDigits(fuel).to_string());
        let said = format!("{fuel:>FUEL$}  {:<KIND$} {}", event.kind.word(), What(event));
        let site = event.site.and_then(|site| self.trace.sites.get(site as usize));
        let Some(frame) = site.and_then(|stack| Frame::innermost_own(stack)) else {
            return self.write_line(f, said);
        };
        let plain = FrameLabel { frame, styles: &Styles::default() }.to_string();
        let place = FrameLabel { frame, styles: &self.styles };
        let width = said.chars().count() + plain.chars().count() + " at ".len();
        if self.columns.is_none_or(|columns| width <= columns) {
            return writeln!(f, "{said} at {place}");
        }
        self.write_line(f, said)?;
        self.write_line(f, format!("{:FUEL$}    at {place}", ""))
    }

    fn write_line(&self, f: &mut Formatter<'_>, line: String) -> fmt::Result {
        write!(f, "{}", WrappedText { text: format!("{line}\n"), columns: self.columns })
    }
}

/// An event in one line, without its place in the code.
#[must_use]
pub(in crate::report) fn event_words(event: &TraceEvent) -> String {
    format!("{} {}", event.kind.word(), What(event))
}

/// What happened, in words.
struct What<'a>(&'a TraceEvent);

impl Display for What<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let event = self.0;
        if event.thread > 0 {
            write!(f, "[thread {}] ", event.thread)?;
        }
        match event.kind {
            TraceKind::Memory => write_memory(f, event)?,
            TraceKind::Allocation => write!(f, "{} {}", event.call, bytes(event.bytes.unwrap_or(0)))?,
            _ => write_call(f, event)?,
        }
        if event.waited > 0 {
            write!(f, ", {} ns later", GroupedDigits(event.waited))?;
        }
        match &event.failed {
            Some(failed) => write!(f, ": {}", OneLine(failed)),
            None => Ok(()),
        }
    }
}

fn bytes(count: u64) -> String {
    format!("{} {}", GroupedDigits(count), plural(count, "byte", "bytes"))
}

fn write_memory(f: &mut Formatter<'_>, event: &TraceEvent) -> fmt::Result {
    let [before, now] = [event.before, event.bytes].map(Option::unwrap_or_default);
    match &event.failed {
        None => write!(f, "grows from {} to {}", GroupedDigits(before), bytes(now)),
        Some(_) => write!(f, "does not grow from {} to {}", GroupedDigits(before), bytes(now)),
    }
}

fn write_call(f: &mut Formatter<'_>, event: &TraceEvent) -> fmt::Result {
    f.write_str(&event.call)?;
    if let Some(object) = &event.object {
        write!(f, " {}", OneLine(object))?;
    }
    if let Some(fd) = event.fd {
        write!(f, " (fd {fd})")?;
    }
    match (&event.to, event.kind) {
        (Some(to), TraceKind::Cleanup) => write!(f, " of {}", OneLine(to))?,
        (Some(to), _) => write!(f, " to {}", OneLine(to))?,
        (None, _) => {}
    }
    match (event.opened, event.kind) {
        (Some(thread), TraceKind::Thread) => write!(f, " thread {thread}")?,
        (Some(fd), TraceKind::Close) => write!(f, " as fd {fd}")?,
        (Some(fd), _) => write!(f, " gives fd {fd}")?,
        (None, _) => {}
    }
    match event.bytes {
        Some(count) => write!(f, ", {}", bytes(count)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Verdict, samples};

    fn event(nth: u64, kind: TraceKind, call: &str) -> TraceEvent {
        TraceEvent { nth, fuel: Some(nth * 1_000_000), kind, call: call.to_owned(), ..TraceEvent::default() }
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn every_event_is_a_line_and_what_is_left_out_is_counted() {
        let open = event(2, TraceKind::Open, "path_open");
        let read = event(3, TraceKind::Read, "fd_read");
        let name = text("/tmp/a\u{1b}[2J");
        let events = vec![
            event(1, TraceKind::Test, "begins"),
            TraceEvent { object: name.clone(), opened: Some(5), site: Some(0), ..open.clone() },
            TraceEvent { object: name.clone(), fd: Some(5), bytes: Some(1), site: Some(1), ..read },
            TraceEvent { nth: 4, object: text("/tmp/b"), failed: text("ENOENT"), site: Some(0), ..open },
            TraceEvent {
                before: Some(65_536),
                bytes: Some(131_072),
                fuel: None,
                ..event(5, TraceKind::Memory, "memory.grow")
            },
            TraceEvent { bytes: Some(1 << 20), thread: 2, ..event(1_000_005, TraceKind::Allocation, "malloc") },
            TraceEvent { waited: 5_000_000_000, ..event(1_000_006, TraceKind::Wait, "poll_oneoff") },
            TraceEvent {
                object: text("db"),
                to: text("src/lib.rs:4:5"),
                failed: text("unreachable"),
                ..event(1_000_007, TraceKind::Cleanup, "ends")
            },
        ];
        let own = Frame::new("store::save").at("src/store.rs", 41);
        let far = Frame::new("a::very::long::path::of::modules::that::leads::to::load").at("src/load/from/file.rs", 7);
        let trace = TestTrace {
            module: "shop/store".to_owned(),
            test: "saves".to_owned(),
            verdict: Verdict::Leak,
            no_allocations: text("its allocator is not known"),
            left_out: 999_999,
            events,
            sites: vec![vec![Frame::new("open").of_library("std"), own], vec![far]],
            sites_left_out: 0,
        };
        let mut report = samples::report(Vec::new());
        report.traces = vec![trace];
        let shown = render_trace(&report, false, Some(80));
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        insta::assert_snapshot!(shown);
    }
}
