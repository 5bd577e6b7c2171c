#![doc = include_str!("../README.md")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// A list of cities in a file, `name,country,population` a line.
pub struct Cities {
    lines: BufReader<File>,
}

impl Cities {
    /// Opens the list.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        Ok(Self { lines: BufReader::new(File::open(path)?) })
    }

    /// The population of a city, looked for from where the last look ended.
    pub fn population(&mut self, city: &str) -> Option<u32> {
        let mut line = String::new();
        while self.lines.read_line(&mut line).ok()? > 0 {
            let mut fields = line.trim_end().split(',');
            if fields.next() == Some(city) {
                return fields.nth(1)?.parse().ok();
            }
            line.clear();
        }
        None
    }
}
