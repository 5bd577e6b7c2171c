module example.com/lessons

go 1.24

require github.com/airtight-rs/airtight/guest-sdk/go v0.0.0

replace github.com/airtight-rs/airtight/guest-sdk/go => ../../guest-sdk/go
