//! How the threads of a test took turns before it failed.

use super::{doing_at, name_of, place};
use crate::sandbox::{Turn, TurnEnd};
use crate::symbols::Symbols;

/// Lines that tell the last turns, and which thread ran at the end; `None` if there are no turns.
pub fn interleaving(turns: &[Turn], last: Option<u32>, symbols: &Symbols) -> Option<String> {
    if turns.is_empty() {
        return None;
    }
    let mut lines = vec!["the turns before that:".to_owned()];
    lines.extend(turns.iter().map(|turn| format!("  {}", told(turn, symbols))));
    lines.extend(last.map(|last| format!("  {} ran on", name_of(last))));
    Some(lines.join("\n"))
}

fn told(turn: &Turn, symbols: &Symbols) -> String {
    let did = match &turn.end {
        TurnEnd::Interrupted => "was interrupted".to_owned(),
        TurnEnd::GaveWay => "gave way".to_owned(),
        TurnEnd::Spawned => "spawned a thread".to_owned(),
        TurnEnd::Ended => "ended".to_owned(),
        TurnEnd::Waits(wait) => format!("ran until it {}", doing_at(Some(wait), &turn.stack, symbols)),
    };
    format!("{} {did}{}", name_of(turn.thread), at(turn, symbols))
}

/// Where a turn was over: in the innermost function of the user's own; or why that is not said.
fn at(turn: &Turn, symbols: &Symbols) -> String {
    let frames = symbols.frames(&turn.stack);
    match (place(&frames), frames.first()) {
        (Some(place), _) => format!(" at {place}"),
        (None, Some(frame)) => format!(" in `{}`, within no function of the user's", frame.function),
        _ if turn.end == TurnEnd::Ended => String::new(),
        _ if turn.stack.is_empty() => ", where is not known".to_owned(),
        _ => ", outside of the test".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::RawFrame;
    use crate::sandbox::ThreadWait;
    use crate::symbols::PathRoots;

    #[test]
    fn each_turn_says_why_it_was_over_and_where() {
        let functions = [
            "std::thread::join_handle::JoinHandle<T>::join",
            "demo::main",
            "demo::adds",
            "core::ops::function::FnOnce::call_once",
        ];
        let text: String = functions.iter().map(|name| format!("(func $\"{name}\")")).collect();
        let symbols = Symbols::of_bytes(&wat::parse_str(format!("(module {text})")).unwrap(), PathRoots::default());
        let turn = |thread, end, functions: std::ops::Range<u32>| {
            let stack: Vec<_> = functions.map(|function| RawFrame { function, offset: None }).collect();
            Turn { thread, end, stack: stack.into() }
        };
        let turns = [
            turn(0, TurnEnd::Waits(ThreadWait::Address(16)), 0..2),
            turn(1, TurnEnd::Interrupted, 2..3),
            turn(2, TurnEnd::GaveWay, 2..3),
            turn(0, TurnEnd::Spawned, 1..2),
            turn(2, TurnEnd::Interrupted, 3..4),
            turn(0, TurnEnd::Interrupted, 0..0),
            turn(2, TurnEnd::Ended, 0..0),
        ];
        insta::assert_snapshot!(interleaving(&turns, Some(1), &symbols).unwrap(), @r"
        the turns before that:
          the main thread ran until it joins a thread at `demo::main`
          thread 1 was interrupted at `demo::adds`
          thread 2 gave way at `demo::adds`
          the main thread spawned a thread at `demo::main`
          thread 2 was interrupted in `core::ops::function::FnOnce::call_once`, within no function of the user's
          the main thread was interrupted, where is not known
          thread 2 ended
          thread 1 ran on
        ");
        assert_eq!(interleaving(&[], None, &symbols), None);
    }
}
