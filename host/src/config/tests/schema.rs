//! The published schema of `airtight.toml`. It is compared with one that is made from the tables by which the file is read.
//! What the schema refuses, the program refuses; what the program accepts, the schema accepts.

use super::{config_in, workspace};
use crate::config::settings::{DIR, FILE, OVERRIDE, SOCKET, of_profiles, shared};
use crate::model::units::Quantity;
use crate::model::{GateKind, Limit};
use crate::policy::LeakSetting;
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::LazyLock;

/// Text for a guest: without NUL, at which its C library would end it.
const TEXT: &str = r"^[^\u0000]*$";
/// An IP address with a port other than 0.
const ADDRESS: &str = r"^(\[[0-9A-Fa-f:.]+\]|[0-9.]+):0*[1-9][0-9]*$";

fn schema_file() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/config.schema.json")
}

/// The schema of a quantity, written with a unit, or without one if that has a meaning.
fn quantity(quantity: Quantity, positive: bool) -> Value {
    let names: Vec<_> = quantity.units().iter().map(|unit| unit.name).collect();
    let (number, optional) =
        (if positive { "0*[1-9][0-9]*" } else { "[0-9]+" }, if quantity == Quantity::Duration { "" } else { "?" });
    let zero = if quantity == Quantity::Duration && !positive { "|0" } else { "" };
    let text =
        json!({ "type": "string", "pattern": format!(r"^\s*({number}\s*({}){optional}{zero})\s*$", names.join("|")) });
    match quantity {
        Quantity::Duration => text,
        Quantity::Size | Quantity::Fuel | Quantity::Count => {
            json!({ "oneOf": [text, { "type": "integer", "minimum": u64::from(positive) }] })
        }
    }
}

fn limit(limit: Limit) -> Value {
    let row = limit.row();
    if row.quantity == Quantity::Count && row.most < u64::MAX {
        return json!({ "type": "integer", "minimum": row.least, "maximum": row.most });
    }
    quantity(row.quantity, row.least > 0)
}

/// The schema and the description of a setting. A new setting has its line here.
fn setting(key: &str) -> (Value, &'static str) {
    if let Some(known) = Limit::from_name(key) {
        return (limit(known), known.row().help);
    }
    let text = json!({ "type": "string" });
    let texts = json!({ "type": "array", "items": { "type": "string", "pattern": TEXT } });
    let name = json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]+$" });
    let weight = json!({ "type": "integer", "minimum": 1 });
    let list = |what: &str| json!({ "type": "array", "items": { "$ref": format!("#/$defs/{what}") } });
    match key {
        "profile" => (
            json!({ "type": "object", "additionalProperties": { "$ref": "#/$defs/profile" } }),
            "Profiles by name; `default` is what the others start from.",
        ),
        "cache-size" => (quantity(Quantity::Size, false), "Bound on the cache of compiled modules."),
        "module-size" => (quantity(Quantity::Size, true), "Cap on a module's own size."),
        "function-weight" => (weight, "Cap on the work that one function may be for the compiler."),
        "module-weight" => (weight, "Cap on the work that a module may be for the compiler."),
        "single-pass-weight" => (weight, "Cap on the work that a module may be for the compiler of one pass."),
        "compile-time" => {
            (quantity(Quantity::Duration, false), "The most processor time that compiling a module may take.")
        }
        "compile-memory" => (quantity(Quantity::Size, true), "The most memory that compiling a module may take."),
        "clock" => (json!({ "enum": ["virtual", "real"] }), "The tests' clock."),
        "clock-start" => (
            json!({ "type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?[Zz]$" }),
            "Where the virtual clock starts: RFC 3339, UTC.",
        ),
        "leaks" => {
            let action = json!({ "enum": ["fail", "show", "ignore"] });
            let settings: Map<_, _> =
                LeakSetting::ALL.into_iter().map(|setting| (setting.key().to_owned(), action.clone())).collect();
            (
                json!({ "type": "object", "properties": settings, "additionalProperties": false }),
                "What leaks do to the verdict, by kind.",
            )
        }
        "heap" => {
            (json!({ "enum": ["required", "where-possible"] }), "Whether a test fails whose heap cannot be tracked.")
        }
        "tracked" => (
            json!({ "type": "object", "additionalProperties": { "type": "integer", "minimum": 0 } }),
            "The most resources of each of the user's own kinds.",
        ),
        "env" => (
            json!({
                "type": "object",
                "propertyNames": { "pattern": r"^[^=\u0000]+$", "not": { "const": "AIRTIGHT_SOCKETS" } },
                "additionalProperties": { "type": "string", "pattern": TEXT },
            }),
            "Variables.",
        ),
        "args" => (texts, "Arguments of modules that are programs."),
        "stdin" => (text, "Standard input."),
        "heap-accounting" => (json!({ "type": "boolean" }), "Whether the heap is accounted for."),
        "panic" => (json!({ "enum": ["abort", "unwind"] }), "What a panic does."),
        "threads" => (json!({ "type": "boolean" }), "Whether tests are built for threads."),
        "gate" => {
            let share = json!({ "type": "string", "pattern": r"^(100(\.00?)?|[0-9]{1,2}(\.[0-9]{1,2})?)%$" });
            let mut properties = Map::from_iter([("cleanup-coverage".to_owned(), share)]);
            for gate in GateKind::ALL {
                let schema = match gate {
                    GateKind::Lost | GateKind::Retained => quantity(Quantity::Size, false),
                    GateKind::Growth => json!({ "type": "string", "minLength": 1 }),
                    GateKind::Fuel => json!({ "type": "string", "pattern": r"%\s*$" }),
                    _ => json!({ "type": "integer", "minimum": 0 }),
                };
                properties.insert(gate.name().to_owned(), schema);
            }
            properties.insert("base".to_owned(), json!({ "type": "string" }));
            let gate = json!({ "type": "object", "properties": properties, "additionalProperties": false });
            (gate, "What a whole run has to reach.")
        }
        "setup-test" => (text, "The test after which all others of its module begin."),
        "baseline" => (text, "The file of accepted leaks."),
        "seed" => (json!({ "type": "integer", "minimum": 0 }), "Seed of everything random in the tests."),
        "outbound" => (
            json!({ "type": "array", "items": { "type": "string", "pattern": ADDRESS } }),
            "Addresses that tests may connect to themselves.",
        ),
        "inherits" => (text, "The profile that this one starts from."),
        "dir" => (list("dir"), "Directories that tests are granted."),
        "socket" => (list("socket"), "Sockets that tests are granted."),
        "overrides" => (list("override"), "Settings for some of the tests."),
        "filter" => (text, "A part of the names of tests."),
        "module" => (text, "A part of the names of modules."),
        "package" => (text, "The name of a package."),
        "grants" => (texts, "Names of directories and sockets that these tests get."),
        "guest" => (
            json!({ "type": "string", "pattern": r"^/([^\u0000]*[^/\u0000])?$", "not": { "pattern": r"^/tmp$|//|/\.(/|$)|/\.\.(/|$)" } }),
            "The path in the guest.",
        ),
        "host" => {
            (json!({ "type": "string", "minLength": 1 }), "The directory of the host, from the workspace's root.")
        }
        "mode" => (json!({ "enum": ["read-only", "overlay", "read-write"] }), "What tests may do below it."),
        "name" => (name, "The name that tests ask for it by."),
        "listen" => (
            json!({ "type": "string", "pattern": r"^(unix:.*[^/]|(\[[0-9A-Fa-f:.]+\]|[0-9.]+):[0-9]+)$" }),
            "The address to listen at: a loopback address with a port, or unix:PATH.",
        ),
        "connect" => (
            json!({ "type": "string", "pattern": format!(r"^unix:.*[^/]$|{ADDRESS}") }),
            "The address to connect to: an IP address with a port, or unix:PATH.",
        ),
        "connect-to" => (name, "The listening socket of this profile to connect to."),
        "on-request" => (json!({ "type": "boolean" }), "Whether only tests get it that ask for it."),
        other => panic!("the schema says nothing of `{other}`"),
    }
}

fn table(keys: &[&str]) -> Map<String, Value> {
    let property = |key: &&str| {
        let (mut schema, what) = setting(key);
        schema["description"] = what.into();
        ((*key).to_owned(), schema)
    };
    let mut table = Map::new();
    table.insert("type".to_owned(), "object".into());
    table.insert("properties".to_owned(), Value::Object(keys.iter().map(property).collect()));
    table.insert("additionalProperties".to_owned(), false.into());
    table
}

fn made() -> Value {
    let mut root = table(FILE);
    let with = |mut table: Map<String, Value>, key: &str, value| {
        table.insert(key.to_owned(), value);
        Value::Object(table)
    };
    let named = |keys: &[&str]| Value::Array(keys.iter().map(|key| json!({ "required": [key] })).collect());
    // A package is built for threads as a whole.
    let of_package = json!({ "required": ["package"], "properties": { "filter": false, "module": false } });
    let overriding = with(table(&[&shared(), OVERRIDE].concat()), "dependentSchemas", json!({ "threads": of_package }));
    let overriding = overriding.as_object().unwrap().clone();
    let definitions = json!({
        "profile": table(&[shared(), of_profiles()].concat()),
        "override": with(overriding, "anyOf", named(&["filter", "module", "package"])),
        "dir": with(table(DIR), "required", json!(["guest", "host"])),
        "socket": with(with(table(SOCKET), "required", json!(["name"])).as_object().unwrap().clone(), "oneOf", named(&["listen", "connect", "connect-to"])),
    });
    root.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    root.insert("title".to_owned(), "Configuration of airtight".into());
    root.insert(
        "description".to_owned(),
        "`airtight.toml`, or `.config/airtight.toml`, at the root of a workspace.".into(),
    );
    root.insert("$defs".to_owned(), definitions);
    Value::Object(root)
}

/// `BLESS=1` writes the published schema anew.
#[test]
fn the_published_schema_is_that_of_the_tables() {
    let made = made();
    if std::env::var_os("BLESS").is_some() {
        let canonical = serde_json_canonicalizer::to_vec(&made).unwrap();
        let sorted: Value = serde_json::from_slice(&canonical).unwrap();
        std::fs::write(schema_file(), format!("{sorted:#}\n")).unwrap();
        return;
    }
    assert_eq!(published(), made, "schemas/config.schema.json is another one; BLESS=1 writes it anew");
}

/// A file as an editor checks it against a schema: TOML's dates are texts.
fn as_json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(holds) => (*holds).into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(list) => list.iter().map(as_json).collect(),
        toml::Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), as_json(value))).collect(),
    }
}

/// The schema as it is published.
fn published() -> Value {
    serde_json::from_str(&std::fs::read_to_string(schema_file()).unwrap()).unwrap()
}

/// Whether the schema accepts a text that is TOML.
fn accepts(text: &str) -> bool {
    static SCHEMA: LazyLock<Validator> = LazyLock::new(|| jsonschema::draft202012::new(&published()).unwrap());
    let table: toml::Table = text.parse().unwrap();
    SCHEMA.is_valid(&as_json(&toml::Value::Table(table)))
}

#[test]
fn what_is_wrong_by_itself_is_refused_by_both() {
    let root = workspace();
    let in_profile = [
        "memroy = \"1MiB\"",
        "memory = \"256 MiBs\"",
        "memory = \"0MiB\"",
        "memory = 0",
        "fuel = -1",
        "timeout = 300",
        "timeout = \"300\"",
        "output = true",
        "handles = 4294967296",
        "handles = 0",
        "scratch = \"lots\"",
        "scratch-entries = \"many\"",
        "peak-heap = \"1KiBs\"",
        "leaks = { handle = \"fail\" }",
        "leaks = { heap = \"fial\" }",
        "leaks = { tasks = 1 }",
        "env = { A = 1 }",
        "env = { \"B=C\" = \"x\" }",
        "env = { AIRTIGHT_SOCKETS = \"x\" }",
        "args = [\"ok\", 2]",
        "args = [\"nul\\u0000\"]",
        "stdin = [\"x\"]",
        "seed = -1",
        "colour = \"red\"",
        "clock = \"wall\"",
        "clock-start = \"yesterday\"",
        "heap = \"yes\"",
        "heap-accounting = \"no\"",
        "panic = \"catch\"",
        "threads = 2",
        "gate = { cleanup-coverage = \"98\" }",
        "gate = { cleanup-coverge = \"98%\" }",
        "gate = { cleanup-coverage = \"101%\" }",
        "gate = { lost = -1 }",
        "gate = { fuel = \"4KiB\" }",
        "gate = { threads = \"none\" }",
        "gate = { growth = 3 }",
        "gate = { base = 3 }",
        "setup-test = 3",
        "baseline = []",
        "tracked = { connection = -1 }",
        "outbound = [\"localhost:1\"]",
        "outbound = [\"10.0.0.1:0\"]",
        "inherits = 3",
        "dir = { guest = \"/x\", host = \"data\" }",
        "dir = [{ guest = \"/x\" }]",
        "dir = [{ host = \"data\" }]",
        "dir = [{ guest = \"b\", host = \"data\" }]",
        "dir = [{ guest = \"/c/../d\", host = \"data\" }]",
        "dir = [{ guest = \"/tmp\", host = \"data\" }]",
        "dir = [{ guest = \"/e//f\", host = \"data\" }]",
        "dir = [{ guest = \"/e/\", host = \"data\" }]",
        "dir = [{ guest = \"/e\", host = \"\" }]",
        "dir = [{ guest = \"/e\", host = \"data\", mode = \"readonly\" }]",
        "dir = [{ guest = \"/e\", host = \"data\", name = \"not a name\" }]",
        "dir = [{ guest = \"/e\", host = \"data\", memory = \"1MiB\" }]",
        "dir = [{ guest = \"/e\", host = \"data\", on-request = true }]",
        "socket = [{ name = \"a\" }]",
        "socket = [{ listen = \"127.0.0.1:0\" }]",
        "socket = [{ name = \"a\", listen = \"localhost:80\" }]",
        "socket = [{ name = \"a\", listen = \"unix:\" }]",
        "socket = [{ name = \"a\", connect = \"127.0.0.1:0\" }]",
        "socket = [{ name = \"a\", listen = \"127.0.0.1:0\", connect-to = \"a\" }]",
        "socket = [{ name = \"a\", listen = \"127.0.0.1:0\", on_request = true }]",
        "socket = [{ name = \"a\", listen = \"127.0.0.1:0\", on-request = \"yes\" }]",
        "overrides = [{ memory = \"1MiB\" }]",
        "overrides = [{ filter = 3 }]",
        "overrides = [{ filter = \"a\", seed = 1 }]",
        "overrides = [{ filter = \"a\", stack = \"1MiB\" }]",
        "overrides = [{ package = 3 }]",
        "overrides = [{ package = \"a\", threads = \"yes\" }]",
        "overrides = [{ module = \"a\", threads = true }]",
        "overrides = [{ package = \"a\", filter = \"b\", threads = true }]",
        "filter = \"b\"",
        "cache-size = \"1GiB\"",
    ];
    let texts = in_profile.map(|text| format!("[profile.default]\n{text}\n"));
    let at_the_top =
        ["cache_size = \"2GiB\"", "memory = \"1GiB\"", "module-size = 0", "module-weight = 0", "profile = 3"];
    for text in
        texts.iter().map(String::as_str).chain(at_the_top).chain(["[profile]\nfuel = \"1G\"", "[profile]\nf = 3"])
    {
        assert!(config_in(root.path(), text).is_err(), "the program accepts {text}");
        assert!(!accepts(text), "the schema accepts {text}");
    }
}

/// How values depend on each other, or on the machine, is checked by the program alone.
#[test]
fn what_is_wrong_between_values_is_refused_by_the_program() {
    let root = workspace();
    for text in [
        "[profile.a]\ninherits = \"b\"",
        "[profile.default]\ndir = [{ guest = \"/a\", host = \"nowhere\" }]",
        "[profile.default]\nsocket = [{ name = \"a\", connect-to = \"b\" }]",
        "[profile.default]\nsocket = [{ name = \"a\", listen = \"0.0.0.0:80\" }]",
        "[profile.default]\nclock = \"real\"\nclock-start = 2024-01-01T00:00:00Z",
        "[profile.default]\nstack = \"2GiB\"",
        "[profile.default]\nbaseline = \"../x.toml\"",
        "[profile.default]\nbaseline = \"/etc/x.toml\"",
    ] {
        assert!(config_in(root.path(), text).is_err() && accepts(text), "{text}");
    }
}

/// Values of many forms, right and wrong ones.
fn value() -> impl Strategy<Value = String> {
    let values = vec![
        "'4MiB'",
        "' 4 KiB '",
        "'1G'",
        "'0'",
        "'300s'",
        "'0s'",
        "'5ms'",
        "'1 h'",
        "0",
        "1",
        "7",
        "true",
        "'fail'",
        "'show'",
        "'virtual'",
        "'real'",
        "'required'",
        "'unwind'",
        "2024-01-01T00:00:00Z",
        "'2024-01-01T00:00:00.5Z'",
        "[]",
        "['a']",
        "{}",
        "{ heap = 'show' }",
        "{ A = 'b' }",
        "{ connection = 3 }",
        "{ cleanup-coverage = '99.5%' }",
        "{ cleanup-coverage = '100.00%' }",
        "{ lost = '4 KiB', retained = 0, handles = 3, growth = '10%', fuel = '0.5%', base = 'a.json' }",
        "['127.0.0.1:5432', '[::1]:80']",
        "[{ guest = '/a.b/c', host = 'data', mode = 'overlay', name = 'x.y_z-1' }]",
        "[{ guest = '/', host = '.' }]",
        "[{ guest = '/...', host = 'data' }]",
        "[{ name = 'a', listen = '[::1]:0', on-request = true }]",
        "[{ name = 'a', connect = '10.0.0.1:1' }]",
        "[{ name = 'a', listen = 'unix:tests/app.sock' }]",
        "[{ name = 'a', listen = '127.0.0.1:0' }, { name = 'b', connect-to = 'a' }]",
        "[{ filter = 'a', memory = 4096 }]",
        "[{ module = 'm', args = [] }]",
        "[{ package = 'p', threads = true }]",
        "'data'",
        "''",
        "'default'",
    ];
    prop::sample::select(values).prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn what_the_program_accepts_the_schema_accepts(
        at in 0..[shared(), of_profiles()].concat().len(),
        profile in prop::sample::select(vec!["default", "ci"]),
        value in value(),
    ) {
        let key = [shared(), of_profiles()].concat()[at];
        let text = format!("[profile.{profile}]\n{key} = {value}\n");
        if config_in(workspace().path(), &text).is_ok() {
            prop_assert!(accepts(&text), "{}", text);
        }
    }
}
