"""Stage `fit`: MANO parameters for every hand's consensus keypoints, with their uncertainty."""
