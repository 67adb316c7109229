"""Stage: meshes, keypoints and cameras of the hands in pictures."""
