"""Batch composition: from delivered files to a published snapshot. The only writer of the ticket side."""
