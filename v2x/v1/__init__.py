"""Generated protobuf code of `proto/v2x/v1`; `make proto` writes it, `make check` proves it fresh."""
