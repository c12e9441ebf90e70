"""What a .pt that was written here says of its metrics, for the scanner: that they are of our definitions."""

from __future__ import annotations

#: The key in the config of a .pt that was written here; its `metric_version` tells the definitions.
OURS = "tvae"
#: Settings that say over how many pairs a run measured its metrics.
PAIRS = ("final_pairs", "eval_pairs")
