use std::fs;

#[airtight::test(memory = "4MiB", timeout = "5s")]
fn settings_survive_a_restart(t: &mut airtight::T) -> std::io::Result<()> {
    let file = t.temp_dir().join("settings"); // a clean-up removes the directory
    fs::write(&file, "theme = dark")?; // an `Err` fails the test
    t.log(format_args!("{} bytes", file.metadata()?.len()));
    if fs::read_to_string(&file)? != "theme = dark" {
        t.fail("the settings are lost"); // goes on; `t.fatal` would not
    }
    Ok(())
}

#[airtight::test(should_panic = "out of range")]
fn the_length_is_no_index(_: &mut airtight::T) {
    panic!("3 is out of range");
}

#[test]
fn a_plain_test() {}
