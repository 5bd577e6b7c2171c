//! Writes a sysroot's files, with errors that name the file.

use crate::error::ToolchainError;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// Creates a directory, with the directories above it.
pub(crate) fn create_dir(path: &Path) -> Result<(), ToolchainError> {
    fs::create_dir_all(path).map_err(ToolchainError::file("create", path))
}

/// Writes a file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), ToolchainError> {
    fs::write(path, text).map_err(ToolchainError::file("write", path))
}

/// Writes a program, and creates its directory.
pub(crate) fn write_program(path: &Path, script: &str) -> Result<(), ToolchainError> {
    create_dir(path.parent().unwrap_or(path))?;
    write(path, script)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(ToolchainError::file("make executable", path))
}

/// Copies a file.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), ToolchainError> {
    fs::copy(from, to).map(drop).map_err(ToolchainError::file("copy", from))
}

/// Makes a symbolic link at `place` to `target`.
pub(crate) fn link(target: &Path, place: &Path) -> Result<(), ToolchainError> {
    symlink(target, place).map_err(ToolchainError::file("link", place))
}

/// Replaces a link by another one in one step.
pub(crate) fn replace_link(target: &Path, place: &Path) -> Result<(), ToolchainError> {
    let mut name = OsString::from(".new-");
    name.push(place.file_name().unwrap_or_default());
    let new = place.with_file_name(name);
    if new.symlink_metadata().is_ok() {
        fs::remove_file(&new).map_err(ToolchainError::file("remove", &new))?;
    }
    link(target, &new)?;
    fs::rename(&new, place).map_err(ToolchainError::file("link", place))
}
