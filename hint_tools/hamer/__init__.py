"""HaMeR: the network, its losses and its checkpoints. Importing this package does not import torch."""
