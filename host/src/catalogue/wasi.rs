//! The functions of `wasi_snapshot_preview1`, with their types.

use wasmparser::ValType;

/// The module name of every known import.
pub(super) const MODULE: &str = "wasi_snapshot_preview1";

/// Name, parameters and results of each function: `i` is i32, `I` is i64.
const FUNCTIONS: [(&str, &str, &str); 46] = [
    ("args_get", "ii", "i"),
    ("args_sizes_get", "ii", "i"),
    ("clock_res_get", "ii", "i"),
    ("clock_time_get", "iIi", "i"),
    ("environ_get", "ii", "i"),
    ("environ_sizes_get", "ii", "i"),
    ("fd_advise", "iIIi", "i"),
    ("fd_allocate", "iII", "i"),
    ("fd_close", "i", "i"),
    ("fd_datasync", "i", "i"),
    ("fd_fdstat_get", "ii", "i"),
    ("fd_fdstat_set_flags", "ii", "i"),
    ("fd_fdstat_set_rights", "iII", "i"),
    ("fd_filestat_get", "ii", "i"),
    ("fd_filestat_set_size", "iI", "i"),
    ("fd_filestat_set_times", "iIIi", "i"),
    ("fd_pread", "iiiIi", "i"),
    ("fd_prestat_dir_name", "iii", "i"),
    ("fd_prestat_get", "ii", "i"),
    ("fd_pwrite", "iiiIi", "i"),
    ("fd_read", "iiii", "i"),
    ("fd_readdir", "iiiIi", "i"),
    ("fd_renumber", "ii", "i"),
    ("fd_seek", "iIii", "i"),
    ("fd_sync", "i", "i"),
    ("fd_tell", "ii", "i"),
    ("fd_write", "iiii", "i"),
    ("path_create_directory", "iii", "i"),
    ("path_filestat_get", "iiiii", "i"),
    ("path_filestat_set_times", "iiiiIIi", "i"),
    ("path_link", "iiiiiii", "i"),
    ("path_open", "iiiiiIIii", "i"),
    ("path_readlink", "iiiiii", "i"),
    ("path_remove_directory", "iii", "i"),
    ("path_rename", "iiiiii", "i"),
    ("path_symlink", "iiiii", "i"),
    ("path_unlink_file", "iii", "i"),
    ("poll_oneoff", "iiii", "i"),
    ("proc_exit", "i", ""),
    ("proc_raise", "i", "i"),
    ("random_get", "ii", "i"),
    ("sched_yield", "", "i"),
    ("sock_accept", "iii", "i"),
    ("sock_recv", "iiiiii", "i"),
    ("sock_send", "iiiii", "i"),
    ("sock_shutdown", "ii", "i"),
];

/// Parameters and results of a function, or `None` where WASI has no function of that name.
pub(super) fn signature(name: &str) -> Option<(Vec<ValType>, Vec<ValType>)> {
    let index = FUNCTIONS.binary_search_by_key(&name, |function| function.0).ok()?;
    let (_, params, results) = FUNCTIONS[index];
    Some((types(params), types(results)))
}

fn types(letters: &str) -> Vec<ValType> {
    letters.bytes().map(|letter| if letter == b'I' { ValType::I64 } else { ValType::I32 }).collect()
}

/// A module that imports every function, in WebAssembly text.
#[cfg(test)]
pub fn importing_all() -> String {
    use std::fmt::Write as _;
    let mut imports = String::new();
    for (name, params, results) in FUNCTIONS {
        let types = |letters| types(letters).iter().map(|ty| format!(" {ty}")).collect::<String>();
        let (params, results) = (types(params), types(results));
        writeln!(imports, r#"(import "{MODULE}" "{name}" (func (param{params}) (result{results})))"#).unwrap();
    }
    format!("(module {imports})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_spelt_with_known_letters() {
        assert!(FUNCTIONS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(FUNCTIONS.iter().all(|(_, p, r)| p.bytes().chain(r.bytes()).all(|b| b == b'i' || b == b'I')));
        assert_eq!(signature("fd_seek").unwrap().0.len(), 4);
        assert_eq!(signature("fd_seeks"), None);
    }
}
