//! Recursions in stacks of allocations. Blocks that were allocated at one line of a function that calls itself have one place
//! of allocation, however deep the recursion was.

use super::symbol::{RECURSION, Symbol};
use crate::model::Frame;
use std::collections::HashMap;

/// A stack, innermost first, in which each function of the user stands once. Of several calls of a function within one another,
/// the innermost is kept with the calls that it made. The calls from the outermost one to it are left out, and `mark` stands
/// behind it in their place.
pub(super) fn folded<'s>(symbols: &[&'s Symbol], mark: &'s Symbol) -> Vec<&'s Symbol> {
    // The frames that are kept, from the outermost on, each with whether calls of its function were left out.
    let mut kept: Vec<(&Symbol, bool)> = Vec::with_capacity(symbols.len());
    let mut known: HashMap<(&str, Option<&str>), usize> = HashMap::new();
    for &symbol in symbols.iter().rev() {
        let mut folds = false;
        if is_named(symbol) {
            let name = (symbol.frame.function.as_str(), symbol.frame.file.as_deref());
            // A function that was cut off meanwhile has an index behind the end, or another function is at its index now.
            let is_kept = |at: &usize| {
                kept.get(*at).is_some_and(|(one, _)| (one.frame.function.as_str(), one.frame.file.as_deref()) == name)
            };
            if let Some(at) = known.get(&name).copied().filter(is_kept) {
                kept.truncate(at);
                folds = true;
            }
            known.insert(name, kept.len());
        }
        kept.push((symbol, folds));
    }
    kept.iter().rev().flat_map(|(symbol, folds)| [Some(*symbol), folds.then_some(mark)].into_iter().flatten()).collect()
}

/// Whether a function is the user's own and has a name that no other function has. Closures share their names.
fn is_named(symbol: &Symbol) -> bool {
    symbol.frame.is_own() && !symbol.owner.is_foreign() && !symbol.frame.function.ends_with('}')
}

/// Whether a frame stands for calls that were left out.
pub(super) fn is_mark(frame: &Frame) -> bool {
    frame.folded && frame.function == RECURSION
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbols::paths::{Origin, Source};

    fn told(functions: &[&str]) -> Vec<String> {
        let symbol = |text: &&str| {
            let (function, line) = text.split_once(':').unwrap();
            let origin = if function.starts_with("json") { Origin::Package("json".to_owned()) } else { Origin::Own };
            let source = Source { path: "src/lib.rs".to_owned(), origin };
            Symbol::new(function.replace('.', "::"), Some(source), line.parse().ok(), &[])
        };
        let symbols: Vec<Symbol> = functions.iter().map(symbol).collect();
        let mark = Symbol::new(RECURSION.to_owned(), None, None, &[]);
        let folded = folded(&symbols.iter().collect::<Vec<_>>(), &mark);
        let text = |symbol: &&Symbol| match symbol.frame.line {
            Some(line) => format!("{}:{line}", symbol.frame.function.replace("::", ".")),
            None => "*".to_owned(),
        };
        folded.iter().map(text).collect()
    }

    #[test]
    fn every_depth_is_one_place() {
        assert_eq!(told(&["grow:10", "test:5"]), ["grow:10", "test:5"]);
        for depth in [1, 2, 500] {
            let stack: Vec<_> =
                ["grow:10"].into_iter().chain(std::iter::repeat_n("grow:12", depth)).chain(["test:5"]).collect();
            assert_eq!(told(&stack), ["grow:10", "*", "test:5"]);
        }
    }

    #[test]
    fn functions_that_call_each_other_are_a_recursion_too() {
        assert_eq!(
            told(&["new:1", "even:7", "odd:8", "even:6", "odd:8", "test:5"]),
            ["new:1", "even:7", "odd:8", "*", "test:5"]
        );
        assert_eq!(told(&["even:7", "odd:8", "even:6", "test:5"]), ["even:7", "*", "test:5"]);
        assert_eq!(
            told(&["walk:3", "walk.{{closure}}:2", "json.each:9", "walk:2", "test:5"]),
            ["walk:3", "*", "test:5"]
        );
    }

    #[test]
    fn what_only_has_the_same_name_is_none() {
        for stack in
            [&["json.read:1", "json.read:1", "test:5"][..], &["test.{{closure}}:2", "test.{{closure}}:1", "test:5"]]
        {
            assert_eq!(told(stack), stack);
        }
    }
}
