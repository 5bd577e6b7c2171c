//! A program without a harness that leaves in the middle: what `main` still holds is no leak.

fn main() {
    let held = heap::block::<40>(); // retained here
    std::process::exit(i32::from(held[0] != 7));
}
