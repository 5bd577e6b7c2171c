module github.com/airtight-rs/airtight/guest-sdk/go

go 1.24
