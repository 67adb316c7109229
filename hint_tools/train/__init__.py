"""Stage `train`: HaMeR on a release."""
