"""Tests that `airtight run` runs: it has to be on the PATH of tests (`--test_env=PATH`)."""

def _airtight_test(ctx):
    words = ["airtight", "run"] + [module.short_path for module in ctx.files.modules] + ctx.attr.flags
    script = ctx.actions.declare_file(ctx.label.name)
    quoted = ["'" + word.replace("'", "'\\''") + "'" for word in words]
    ctx.actions.write(script, "#!/bin/sh\nexec " + " ".join(quoted) + " \"$@\"\n", is_executable = True)
    runfiles = ctx.runfiles(files = ctx.files.modules + ctx.files.data)
    return [DefaultInfo(executable = script, runfiles = runfiles)]

airtight_test = rule(
    implementation = _airtight_test,
    test = True,
    attrs = {
        "modules": attr.label_list(allow_files = [".wasm"], mandatory = True),
        "flags": attr.string_list(),
        # What the tests read: airtight.toml, directories that it grants.
        "data": attr.label_list(allow_files = True),
    },
)
