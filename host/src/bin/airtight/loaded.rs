//! The modules of a run, and those that could not be loaded: one of these does not keep the others from running.

use crate::failure::{Done, Failure, say};
use airtight::Subject;
use airtight::exit_status;

/// Why modules of a run cannot be loaded, where others can.
pub struct Refused(Vec<String>);

impl Refused {
    /// The modules that can be run. Says on standard error which cannot.
    ///
    /// # Errors
    /// No module can be loaded: the first of the failures.
    pub fn among(all: impl Iterator<Item = Result<Subject, Failure>>) -> Result<(Vec<Subject>, Self), Failure> {
        let (mut subjects, mut failures) = (Vec::new(), Vec::new());
        for loaded in all {
            match loaded {
                Ok(subject) => subjects.push(subject),
                Err(failure) => failures.push(failure),
            }
        }
        if subjects.is_empty() && !failures.is_empty() {
            return Err(failures.swap_remove(0));
        }
        let refused: Vec<String> = failures.iter().map(ToString::to_string).collect();
        for why in &refused {
            say(format_args!("error: {why}"));
        }
        Ok((subjects, Self(refused)))
    }

    /// What the run's summary says of the modules that were not run.
    pub fn notes(&self) -> Vec<String> {
        self.0.iter().map(|why| format!("not tested: {why}")).collect()
    }

    /// What the command comes to: what passed does not make up for what was not run.
    pub fn conclude(&self, ended: Done) -> Done {
        match ended {
            Ok(exit_status::PASSED) if !self.0.is_empty() => Ok(exit_status::MODULE_UNUSABLE),
            ended => ended,
        }
    }
}
