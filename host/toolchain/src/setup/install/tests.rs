//! Installing on machines on which one part is there and another is missing.

use super::*;
use crate::ToolchainKind;
use crate::system::fake::{FakeMachine, POLICY_BOOKWORM};

/// Installs, and lists the steps that began.
fn install_as(fake: &FakeMachine, permission: Permission) -> (Result<Toolchain, ToolchainError>, Vec<String>) {
    let mut steps = Vec::new();
    let result = install_on(&fake.machine(), permission, &mut |event| {
        if let SetupEvent::Started(step) = event {
            steps.push(step.to_string());
        }
    });
    (result, steps)
}

fn bookworm() -> FakeMachine {
    let fake = FakeMachine::new();
    fake.program("bin/apt-get");
    fake.program("bin/apt-cache");
    fake.answer("apt-cache policy", POLICY_BOOKWORM);
    fake.answer("apt-cache pkgnames", "lld-22\n");
    fake.on("apt-get -o", |fake| {
        fake.distribution();
        fake.sources_and_libc();
        fake.file("usr/bin/wasm-ld-22", "");
    });
    fake
}

#[test]
fn rustup_is_tried_first() {
    let fake = FakeMachine::new();
    fake.rustup_toolchain(false);
    fake.on("rustup target add", |fake| fake.rustup_toolchain(true));
    let (result, steps) = install_as(&fake, Permission::Toolchain);
    assert_eq!(result.unwrap().kind, ToolchainKind::Active);
    assert_eq!(steps, ["adding the target with rustup"]);
}

#[test]
fn where_rustup_fails_packages_and_a_private_sysroot_follow() {
    let fake = bookworm();
    fake.rustup_toolchain(false);
    fake.fail("rustup target add", 1, "error: no route to host");
    let (result, steps) = install_as(&fake, Permission::System);
    let made = result.unwrap();
    assert_eq!(made.kind, ToolchainKind::Private { release: "1.96.0".into() });
    assert_eq!(
        steps,
        [
            "adding the target with rustup",
            "installing rustc-web cargo-web rust-web-src wasi-libc lld-22",
            "building std for wasm32-wasip1, once",
            "assembling the sysroot"
        ]
    );
    let (again, steps) = install_as(&fake, Permission::Cache);
    assert_eq!(again.unwrap(), made);
    assert!(steps.is_empty());
}

#[test]
fn without_permission_nothing_is_run_and_the_commands_are_given() {
    let fake = bookworm();
    fake.rustup_toolchain(false);
    let (result, steps) = install_as(&fake, Permission::Cache);
    let text = result.unwrap_err().to_string();
    assert!(steps.is_empty());
    for part in [
        "rustup target add wasm32-wasip1",
        "apt-get update && apt-get install --no-install-recommends rustc-web cargo-web rust-web-src wasi-libc",
        "airtight setup --yes",
        "lacks std for the target",
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

#[test]
fn a_failed_rustup_is_explained_in_the_refusal() {
    let fake = bookworm();
    fake.rustup_toolchain(false);
    fake.fail("rustup target add", 1, "error: no route to host");
    let text = install_as(&fake, Permission::Toolchain).0.unwrap_err().to_string();
    assert!(text.contains("`rustup target add wasm32-wasip1` failed: no route to host"), "{text}");
    assert!(!text.contains("\n    rustup"), "rustup is suggested again: {text}");
}

#[test]
fn installed_packages_need_no_permission() {
    let fake = FakeMachine::new();
    fake.distribution();
    fake.sources_and_libc();
    fake.file("usr/bin/wasm-ld-22", "");
    let (result, steps) = install_as(&fake, Permission::Cache);
    assert_eq!(steps, ["building std for wasm32-wasip1, once", "assembling the sysroot"]);
    assert!(result.unwrap().rustc.ends_with("bin/rustc"));
}

#[test]
fn elsewhere_rustup_is_advised() {
    let text = install_as(&FakeMachine::new(), Permission::System).0.unwrap_err().to_string();
    assert!(text.contains("https://rustup.rs") && text.contains("no `rustc` on PATH"), "{text}");
}

#[test]
fn a_failed_build_leaves_nothing_and_shows_why() {
    let fake = FakeMachine::new();
    fake.distribution();
    fake.sources_and_libc();
    fake.file("usr/bin/wasm-ld-22", "");
    fake.fail("cargo build", 101, "error: no space left on device");
    let text = install_as(&fake, Permission::Cache).0.unwrap_err().to_string();
    assert!(text.contains("no space left on device"), "{text}");
    let left: Vec<_> = crate::system::machine::entries(&fake.machine().sysroots());
    assert_eq!(left.len(), 1, "more than the lock: {left:?}");
}

#[test]
fn where_no_linker_works_the_distributions_is_installed() {
    let fake = bookworm();
    fake.distribution();
    fake.sources_and_libc();
    fake.program("bin/wasm-ld");
    fake.fail("rust-lld", 1, "unknown object");
    let text = install_as(&fake, Permission::Cache).0.unwrap_err().to_string();
    assert!(text.contains("bin/wasm-ld: ") && text.contains("--no-install-recommends lld-22"), "{text}");
    fake.on("apt-get -o", |fake| fake.forget("rust-lld"));
    let (result, steps) = install_as(&fake, Permission::System);
    assert!(steps.contains(&"installing lld-22".to_owned()), "{steps:?}");
    result.unwrap();
}

#[test]
fn a_lost_linker_is_replaced_without_building() {
    let fake = FakeMachine::new();
    fake.distribution();
    fake.sources_and_libc();
    let old = fake.file("usr/bin/wasm-ld-23", "");
    install_as(&fake, Permission::Cache).0.unwrap();
    fs::rename(&old, fake.root().join("usr/bin/wasm-ld-22")).unwrap();
    assert!(find_on(&fake.machine()).is_none());
    let (result, steps) = install_as(&fake, Permission::Cache);
    assert!(result.is_ok());
    assert_eq!(steps, ["assembling the sysroot"]);
}
