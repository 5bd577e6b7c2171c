//! Says its arguments and its input, and exits with the number of arguments.

use std::io::Read;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).unwrap();
    println!("{args:?} {input:?}");
    eprintln!("on standard error");
    std::process::exit(i32::try_from(args.len()).unwrap());
}
