fn main() {
    panic!("a program panics");
}
