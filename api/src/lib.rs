//! HTTP, command line, configuration, wiring: the binary caskchain.
