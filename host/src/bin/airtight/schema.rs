//! `airtight schema`: prints the JSON Schema of a file that airtight writes or reads.

use crate::args::{SchemaCommand, SchemaOf};
use crate::failure::Done;
use crate::print::print;

pub fn schema(command: &SchemaCommand) -> Done {
    print(match command.of {
        SchemaOf::Report => airtight::report::REPORT_SCHEMA,
        SchemaOf::Config => airtight::config::SCHEMA,
        SchemaOf::Trace => airtight::report::trace::TRACE_JSON_SCHEMA,
        SchemaOf::Faults => airtight::faults::FAULTS_JSON_SCHEMA,
        SchemaOf::Verification => airtight::verify::VERIFICATION_JSON_SCHEMA,
        SchemaOf::Pollution => airtight::pollution::POLLUTION_JSON_SCHEMA,
    })
}
