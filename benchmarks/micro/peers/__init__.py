"""The other side of a micro-benchmark, where it needs code or an interpreter of its own."""
