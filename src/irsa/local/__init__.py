"""Everything on one machine: what `irsa demo`, the tests and the benchmarks stand on."""
