//! A program that is one test: it passes if it returns, or leaves with status 0.

use super::{Evidence, Finish, ListError, Lister, Test, TestEntry, TestHarness};
use crate::catalogue::{CatalogueError, Module, SdkTest};
use crate::instrument::Window;
use crate::model::Harness;
use crate::policy::Policy;
use crate::sandbox::{Ending, LoadedModule, StartCall};
use std::sync::Arc;

pub(super) struct Command;

impl TestHarness for Command {
    fn detect(&self, module: &Module<'_>, _declared: &[SdkTest], others: bool) -> bool {
        !others && module.start().is_ok()
    }

    fn require(&self, module: &Module<'_>, _declared: &[SdkTest]) -> Result<(), CatalogueError> {
        module.start().map_err(|start| CatalogueError::NoStart { harness: Harness::Command, start })
    }

    fn window(&self) -> Window {
        Window::Main
    }

    /// The one test, named as the last part of the module's name.
    fn list(&self, lister: &Lister<'_>) -> Result<Vec<Test>, ListError> {
        let name = lister.module.name.rsplit('/').next().unwrap_or_default().into();
        Ok(vec![Test { name, ..Test::default() }])
    }

    fn entry(&self, _test: &Test, _module: &LoadedModule, policy: &Policy) -> Result<TestEntry, String> {
        let args = policy.args.iter().map(|arg| Arc::from(arg.as_str())).collect();
        Ok(TestEntry::Start(StartCall { args, ..StartCall::default() }))
    }

    fn finish(&self, evidence: &Evidence<'_>) -> Finish {
        match evidence.run.ending {
            Ending::Returned => Finish::RETURNED,
            Ending::Exit { status: 0, .. } => Finish::Normal { exit_status: Some(0) },
            _ => Finish::Abnormal,
        }
    }

    fn left(&self, status: u32) -> String {
        format!("the program's exit status was {status}")
    }
}
