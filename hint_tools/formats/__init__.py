"""One file a dialect: text to records and back, no input or output beyond bytes."""
