#![doc = include_str!("../README.md")]

mod anchors;
mod pages;
pub mod shared;
pub mod weak;

pub use anchors::Document;
pub use pages::{Page, Printer, free_page, print};
