"""重点治理: where requests gather in place and in unit, since when, and whether that is more than chance; made in a batch and stored beside the snapshot."""
