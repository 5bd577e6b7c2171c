//! What benchmarks measured by their own account: the lines that `testing` prints of them.
//!
//! ```text
//! BenchmarkParse/small              1          1000 ns/op         7.500 words/op        64 B/op
//! ```

use crate::model::MetricRecord;

/// Units that say how fast something is. Here they would use the sandbox's clock, which measures nothing.
const OF_THE_CLOCK: [&str; 2] = ["ns/op", "MB/s"];

/// Most values that are kept of one benchmark and of those within it.
const MOST: usize = 1000;

/// The values that a benchmark reported, and those within it: in the order in which they are printed, without those of the clock.
pub fn metrics(own: &[u8], benchmark: &str) -> Vec<MetricRecord> {
    let text = String::from_utf8_lossy(own);
    let of_line = |line: &str| -> Option<Vec<MetricRecord>> {
        let (name, values) = line.split_once('\t')?;
        let within = name.trim_end().strip_prefix(benchmark)?;
        if !within.is_empty() && !within.starts_with('/') {
            return None;
        }
        let (times, values) = values.split_once('\t')?;
        times.trim().parse::<u64>().ok()?;
        let subtest = within.strip_prefix('/').map(str::to_owned);
        let record = |value: &str| {
            let (value, unit) = value.trim().split_once(' ')?;
            value.parse::<f64>().ok()?;
            let is_metric = !OF_THE_CLOCK.contains(&unit);
            is_metric.then(|| MetricRecord::new(subtest.clone(), unit, value))
        };
        Some(values.split('\t').filter_map(record).collect())
    };
    text.lines().filter_map(of_line).flatten().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_as_go_prints_them() {
        let own = "BenchmarkA\nBenchmarkA        \t       1\t      1000 ns/op\t         7.500 words/op\t      64 B/op\t       2 allocs/op\n\
            noise\nBenchmarkA/b/c  \t       1\t         0 x\nBenchmarkAB\t 1\t 3 y\nBenchmarkA\tx\t3 y\nBenchmarkA\t1\tz y\n";
        let told: Vec<_> = metrics(own.as_bytes(), "BenchmarkA")
            .into_iter()
            .map(|metric| (metric.subtest.unwrap_or_default(), metric.value, metric.unit))
            .collect();
        let one = |subtest: &str, value: &str, unit: &str| (subtest.to_owned(), value.to_owned(), unit.to_owned());
        assert_eq!(
            told,
            [one("", "7.500", "words/op"), one("", "64", "B/op"), one("", "2", "allocs/op"), one("b/c", "0", "x")]
        );
    }

    proptest::proptest! {
        #[test]
        fn no_output_breaks_the_reader(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            metrics(&bytes, "Benchmark");
        }
    }
}
