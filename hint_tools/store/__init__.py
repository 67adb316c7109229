"""The shelf: project folder, atomic files, journal, tables, manifests, safe unpickling, credentials."""
