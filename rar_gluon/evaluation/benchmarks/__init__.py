"""One-pass benchmarks other than OTB: results of any toolkit, protocols as data, scores."""
