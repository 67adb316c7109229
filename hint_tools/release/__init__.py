"""Stage `release`: freeze the consensus as a dataset folder, and check such a folder."""
