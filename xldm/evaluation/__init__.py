"""Evaluation of downscaled fields against a truth."""
