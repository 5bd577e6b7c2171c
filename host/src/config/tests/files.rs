use super::{config, workspace};
use crate::config::{Config, FILE_NAME};
use crate::policy::Limits;

#[test]
fn without_a_file_the_defaults_hold() {
    let config = Config::load(workspace().path()).unwrap();
    assert_eq!(config.path, None);
    assert_eq!((config.cache_size, config.module_size), (2 << 30, 512 << 20));
    assert_eq!(config.profile("default").unwrap().policy().limits, Limits::default());
    insta::assert_snapshot!(config.profile("ci").unwrap_err(), @"there is no profile `ci` because there is no airtight.toml; there is only `default`");
}

#[test]
fn either_place_will_do_and_paths_start_at_the_workspace() {
    let text = "profile.default.dir = [{ guest = '/f', host = 'tests/fixtures' }]";
    for place in [FILE_NAME, ".config/airtight.toml"] {
        let root = workspace();
        std::fs::create_dir(root.path().join(".config")).unwrap();
        std::fs::write(root.path().join(place), text).unwrap();
        let config = Config::load(root.path()).unwrap();
        assert_eq!(config.path, Some(root.path().join(place)));
        let profile = config.profile("default").unwrap();
        assert_eq!(profile.policy().dirs[0].host, root.path().join("tests/fixtures").canonicalize().unwrap());
    }
}

#[test]
fn files_that_cannot_be_read() {
    let root = workspace();
    let message = || {
        let errors = Config::load(root.path()).unwrap_err().to_string();
        errors.replace(&root.path().display().to_string(), "/root")
    };
    let file = root.path().join(FILE_NAME);
    std::fs::write(&file, b"memory = \"\xff\"").unwrap();
    let not_utf8 = message();
    std::fs::create_dir(root.path().join(".config")).unwrap();
    std::fs::write(root.path().join(".config/airtight.toml"), "").unwrap();
    let two = message();
    std::fs::remove_file(&file).unwrap();
    std::fs::write(root.path().join(".config/airtight.toml"), "[profile.default]\nfule = 1\n").unwrap();
    let unknown = message();
    insta::assert_snapshot!([not_utf8, two, unknown].join("\n"), @r"
    /root/airtight.toml: cannot be read: it is not UTF-8
    /root/airtight.toml: there is also /root/.config/airtight.toml; keep one of them
    /root/.config/airtight.toml:2: profile.default: `fule` is not a setting; did you mean `fuel`?
    ");
}

#[test]
fn unknown_profiles_name_those_there_are() {
    let config = config("[profile.ci]\n[profile.nightly]\n");
    let all = ["nigthly", "release"].map(|name| config.profile(name).unwrap_err().to_string());
    insta::assert_snapshot!(all.join("\n"), @r"
    there is no profile `nigthly` in airtight.toml; did you mean `nightly`?
    there is no profile `release` in airtight.toml; there are `ci`, `default`, `nightly`
    ");
}
