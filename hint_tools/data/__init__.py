"""Datasets for training and evaluation: HInt releases, HaMeR's batches, HaMeR's evaluation files."""
