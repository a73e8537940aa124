"""A small plant shop, to see the whole of it work: what it says, to whom, and the proof."""
