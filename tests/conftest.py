"""Shared by all tests: the chance in property tests, and one worker for the browser."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# "ci" gives the same examples on every run, so a red build can be repeated; without it every run looks elsewhere.
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "local"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the browser tests in one worker: two browsers and two servers on two cores only wait for each other."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.xdist_group("browser"))
