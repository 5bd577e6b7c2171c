//! How reports name places in Go's sources.

use crate::model::Frame;
use crate::symbols::owner::{GO, go_library};

/// The file of a test binary's own `main`.
const MAIN_FILE: &str = "_testmain.go";

/// A frame whose file has the same name wherever it was built: the path of its package and the file's name. A test file of the
/// user is named by its name alone, as `testing` does.
pub fn frame(function: &str, file: &str, line: u32) -> Frame {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let library = go_library(function).or((name == MAIN_FILE).then_some(GO));
    let named = if library.is_none() && name.ends_with("_test.go") {
        name.to_owned()
    } else {
        format!("{}/{name}", package(function))
    };
    let frame = Frame::new(function.replace("%2e", ".")).at(named, line);
    match library {
        Some(library) => frame.of_library(library),
        None => frame,
    }
}

/// The path of a function's package: the name up to the first dot after the last slash.
fn package(function: &str) -> String {
    // Type arguments may contain slashes.
    let plain = function.split('[').next().unwrap_or(function);
    let last = plain.rfind('/').map_or(0, |slash| slash + 1);
    let end = plain[last..].find('.').map_or(plain.len(), |dot| last + dot);
    plain[..end].replace("%2e", ".").trim_end_matches("_test").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_as_they_are_imported() {
        for (function, path) in [
            ("main.main", "main"),
            ("gopkg.in/yaml%2ev3.(*Decoder).Decode", "gopkg.in/yaml.v3"),
            ("example.com/a.F[example.com/b.T]", "example.com/a"),
            ("example.com/a_test.TestX.func1", "example.com/a"),
            ("panic", "panic"),
        ] {
            assert_eq!(package(function), path, "{function}");
        }
    }

    #[test]
    fn files_are_named_without_the_machine() {
        for (function, file, named, own) in [
            ("example.com/a.TestX", "/home/me/a/a_test.go", "a_test.go", true),
            ("example.com/a.F", "/home/me/a/a.go", "example.com/a/a.go", true),
            ("net/http.(*Server).Serve", "/usr/lib/go/src/net/http/server.go", "net/http/server.go", false),
            ("main.main", "_testmain.go", "main/_testmain.go", false),
        ] {
            let frame = frame(function, file, 7);
            assert_eq!((frame.file.as_deref(), frame.is_own()), (Some(named), own), "{function}");
        }
    }
}
