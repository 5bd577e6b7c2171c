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
            return Err(Failure::usage(format!("`{word}` is no code, and no word that has one; {words}")));
        }
        pages.extend(topics);
    }
    pages.dedup();
    let page = |topic: Topic| {
        let (title, text) = topic.page();
        format!("{}: {title}\n\n{text}\n", topic.code())
    };
    print(&pages.into_iter().map(page).collect::<Vec<_>>().join("\n"))
}
