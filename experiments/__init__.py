"""The paper's tables and figures, one folder each: `python -m experiments TARGET` (run_TARGET.sh) makes one."""
