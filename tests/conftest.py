"""Shared by all tests: the chance in property tests."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# "ci" gives the same examples on every run, so a red build can be repeated; without it every run looks elsewhere.
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "local"))
