//! What a test writes to its standard streams, kept up to a cap.

use super::shown::ShownStream;
use super::table::Result;
use crate::model::Output;

/// How many bytes of each stream's end are kept if the output is over the cap: the harness's closing line and the panic
/// message come last, however much a test prints before.
const TAIL: usize = 8 << 10;

/// Captured output of one test. Both streams share one cap, so that the order of writing alone decides what is kept.
#[derive(Debug)]
pub struct CapturedOutput {
    output: Output,
    room: u64,
    /// The end of what was written over the cap: of standard output, and of standard error.
    tails: [Vec<u8>; 2],
    /// Both streams as they are shown while the test writes them.
    shown: [ShownStream; 2],
    streams: Streams,
}

/// How the standard streams of a test relate to those of the program that runs it. Output is captured in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Streams {
    /// Not at all. Input is what the policy says.
    #[default]
    Captured,
    /// Output is also copied to the program's own streams as it is written. Input is what the policy says. A copy that
    /// fails does not change the test's result: nothing more is copied.
    Copied,
    /// As `Copied`, but the copy is safe to show: control characters are escaped, and so is text that a CI service would
    /// take for a command.
    Shown {
        /// Whether colours that the text sets itself are kept.
        colours: bool,
    },
    /// They are the program's own streams, as if the module were run by itself.
    Inherited,
}

impl CapturedOutput {
    pub fn new(cap: u64, streams: Streams) -> Self {
        let colours = matches!(streams, Streams::Shown { colours: true });
        let shown = [ShownStream::new(colours), ShownStream::new(colours)];
        Self { output: Output::default(), room: cap, tails: [Vec::new(), Vec::new()], shown, streams }
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.output.stdout.is_empty() && self.output.stderr.is_empty() && self.output.dropped == 0
    }

    /// Bytes are written to standard output, or to standard error.
    pub fn write(&mut self, error: bool, bytes: &[u8]) -> Result<()> {
        match self.streams {
            Streams::Captured => {}
            // If nobody reads the copy any more, nothing more is copied.
            Streams::Copied => {
                if pass_on(error, bytes).is_err() {
                    self.streams = Streams::Captured;
                }
            }
            Streams::Shown { .. } => {
                let text = self.shown[usize::from(error)].write(bytes);
                self.show(error, &text);
            }
            Streams::Inherited => pass_on(error, bytes)?,
        }
        let keep = usize::try_from(self.room).unwrap_or(usize::MAX).min(bytes.len());
        let (kept, over) = bytes.split_at(keep);
        let stream = if error { &mut self.output.stderr } else { &mut self.output.stdout };
        stream.extend_from_slice(kept);
        self.room -= keep as u64;
        if !over.is_empty() {
            self.output.dropped += over.len() as u64;
            append_tail(&mut self.tails[usize::from(error)], over);
        }
        Ok(())
    }

    fn show(&mut self, error: bool, text: &str) {
        if !text.is_empty() && pass_on(error, text.as_bytes()).is_err() {
            self.streams = Streams::Captured;
        }
    }

    /// The number of bytes kept.
    pub fn held(&self) -> u64 {
        let [stdout, stderr] = &self.tails;
        [&self.output.stdout, &self.output.stderr, stdout, stderr].into_iter().map(|part| part.len() as u64).sum()
    }

    /// Standard error as captured so far, up to the cap.
    pub fn stderr(&self) -> &[u8] {
        &self.output.stderr
    }

    /// The captured output: the start of each stream and, if there was more than the cap allows, its end.
    pub fn into_output(mut self) -> Output {
        if let Streams::Shown { .. } = self.streams {
            for error in [false, true] {
                let text = self.shown[usize::from(error)].end();
                self.show(error, &text);
            }
        }
        let [stdout, stderr] = self.tails;
        for (stream, tail) in [(&mut self.output.stdout, stdout), (&mut self.output.stderr, stderr)] {
            let tail = &tail[tail.len().saturating_sub(TAIL)..];
            self.output.dropped -= tail.len() as u64;
            stream.extend_from_slice(tail);
        }
        self.output
    }
}

fn append_tail(tail: &mut Vec<u8>, bytes: &[u8]) {
    tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL)..]);
    if tail.len() > 4 * TAIL {
        tail.drain(..tail.len() - TAIL);
    }
}

fn pass_on(error: bool, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    if error {
        return std::io::stderr().write_all(bytes);
    }
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_kept_up_to_the_cap_and_the_end_always() {
        let mut capture = CapturedOutput::new(5, Streams::Captured);
        capture.write(false, b"abc").unwrap();
        capture.write(true, b"de").unwrap();
        for _ in 0..10_000 {
            capture.write(false, b"flood").unwrap();
        }
        capture.write(true, b"the end").unwrap();
        let output = capture.into_output();
        assert_eq!(output.stderr, b"dethe end");
        assert_eq!(output.stdout.len(), 3 + TAIL);
        assert!(output.stdout.starts_with(b"abc") && output.stdout.ends_with(b"flood"));
        assert_eq!(output.dropped, 50_000 - TAIL as u64);
    }
}
