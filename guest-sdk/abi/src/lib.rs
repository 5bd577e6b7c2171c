//! Names and metadata layout shared by the airtight host and its guest SDK.
