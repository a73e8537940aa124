"""Take requests: one transaction from the body to the rows, then 202."""
