"""Pixels: pictures, frame-exact video, crops, drawn hands. RGB, 8 bit, upright, `(height, width, 3)` everywhere."""
