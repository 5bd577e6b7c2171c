//! Tells what it was given: arguments, a variable, a file.

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let said = std::env::var("SAID").unwrap_or_default();
    let file = std::fs::read_to_string("/data/file").unwrap_or_default();
    println!("{args:?} SAID={said} /data/file={file}");
}
