//! `airtight completions` and `airtight man`: made from clap's definition of the command line, so they are never out of
//! date.

use crate::args::{CompletionsCommand, ManCommand, Program};
use crate::failure::{Done, Failure};
use crate::print::print;
use clap::CommandFactory;

pub fn completions(command: &CompletionsCommand) -> Done {
    let mut text = Vec::new();
    clap_complete::generate(command.shell, &mut Program::command(), "airtight", &mut text);
    print(&String::from_utf8_lossy(&text))
}

pub fn man(command: &ManCommand) -> Done {
    let mut program = Program::command().disable_help_subcommand(true);
    program.build();
    let page = match &command.command {
        None => program,
        Some(name) => {
            let known =
                program.get_subcommands().map(|command| command.get_name().to_owned()).collect::<Vec<_>>().join(", ");
            let found = program.find_subcommand(name).cloned();
            let unknown = || Failure::usage(format!("there is no command `{name}`; there are {known}"));
            found.ok_or_else(unknown)?.display_name(format!("airtight-{name}"))
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).map_err(Failure::setup)?;
    print(&String::from_utf8_lossy(&text))
}
