"""Time and memory, each beside a peer or another checkout, in alternating runs: `python -m benchmarks PART`."""
