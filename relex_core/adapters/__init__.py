"""Predictors from elsewhere, scored by the same harness; one file each, each an optional dependency."""
