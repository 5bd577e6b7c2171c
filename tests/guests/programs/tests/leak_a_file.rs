fn main() {
    std::mem::forget(std::fs::File::create("/tmp/program").unwrap());
}
