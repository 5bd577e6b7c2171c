//! `airtight explain`: what a code of a report means, with an example and what to do.

use crate::args::ExplainCommand;
use crate::failure::{Done, Failure};
use crate::print::print;
use airtight::internals::Topic;

pub fn explain(command: &ExplainCommand) -> Done {
    if command.words.is_empty() {
        let line = |topic: Topic| format!("{} {:<20} {}\n", topic.code(), topic.name(), topic.page().0);
        return print(&Topic::all().into_iter().map(line).collect::<String>());
    }
    let mut pages = Vec::new();
    for word in &command.words {
        let topics = Topic::named(word);
        if topics.is_empty() {
            let words = "`airtight explain` lists all codes and what they are called";
            return Err(Failure::usage(format!("`{word}` is not a code, and not a word that has one; {words}")));
        }
        pages.extend(topics);
    }
    pages.dedup();
    let page = |topic: Topic| {
        let (title, text) = topic.page();
        format!("{}: {title}\n\n{}\n", topic.code(), without_links(text))
    };
    print(&pages.into_iter().map(page).collect::<Vec<_>>().join("\n"))
}

/// A text of the guide for a terminal, in which no link can be followed: what it points to is named behind its words.
///
/// ```text
/// a [baseline](baseline.md)    ->    a baseline (baseline.md in the guide)
/// ```
fn without_links(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('[') {
        let link = after.split_once("](").and_then(|(words, after)| {
            let (target, after) = after.split_once(')')?;
            (!words.contains('[')).then_some((words, target, after))
        });
        plain.push_str(before);
        match link {
            Some((words, target, after)) => {
                plain.push_str(&format!("{words} ({target} in the guide)"));
                rest = after;
            }
            None => {
                plain.push('[');
                rest = after;
            }
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_words() {
        for (text, expected) in [
            ("a [baseline](baseline.md), or two", "a baseline (baseline.md in the guide), or two"),
            ("`a[1]` and [b](c.md#d)", "`a[1]` and b (c.md#d in the guide)"),
            ("[profile.ci.gate] and (this)", "[profile.ci.gate] and (this)"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(without_links(text), expected);
        }
    }
}
