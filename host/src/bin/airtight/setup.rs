//! `airtight setup`: finds or installs a wasm toolchain.

use crate::args::SetupCommand;
use crate::build::{threaded, toolchain};
use crate::failure::{Done, Failure};
use crate::print::print;
use airtight::toolchain::Permission;

pub fn setup(command: &SetupCommand) -> Done {
    let permission = if command.yes { Permission::System } else { Permission::Toolchain };
    let toolchain = toolchain(&command.path, permission).map_err(Failure::setup)?;
    let mut text = format!("ready: {toolchain}\n");
    if command.threads {
        let threaded = threaded(&command.path, &toolchain, permission).map_err(Failure::setup)?;
        text.push_str(&format!("ready: {threaded}\n"));
    }
    for (name, value) in toolchain.env() {
        text.push_str(&format!("for plain cargo: {name}={}\n", value.to_string_lossy()));
    }
    print(&text)
}
