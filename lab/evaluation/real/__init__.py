"""The benchmark `real`: a man filmed by calibrated cameras, and videos without ground truth."""
