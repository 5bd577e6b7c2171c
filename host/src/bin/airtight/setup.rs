//! `airtight setup`: a wasm toolchain, found or installed.

use crate::args::SetupCommand;
use crate::build::toolchain;
use crate::failure::{Done, Failure};
use airtight::exit_status;
use airtight::toolchain::Permission;

pub fn setup(command: &SetupCommand) -> Done {
    let permission = if command.yes { Permission::System } else { Permission::Toolchain };
    let toolchain = toolchain(&command.path, permission).map_err(Failure::setup)?;
    println!("ready: {toolchain}");
    for (name, value) in toolchain.env() {
        println!("for plain cargo: {name}={}", value.to_string_lossy());
    }
    Ok(exit_status::PASSED)
}
