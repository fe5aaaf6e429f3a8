"""A small ingested city, and a way to open a page of the app as a role."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.ui import hotspot_city, hotspot_screen, seeded_city, small_city
from ui import loaders
from ui.kept import forget

APP = str(small_city.ROOT / "app.py")
TIMEOUT = 60


@pytest.fixture(scope="session")
def city_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_city.build(tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="session")
def seeded_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seeded_city.build(tmp_path_factory.mktemp("seeded"))


@pytest.fixture(scope="session")
def hotspot_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The city with planted hot spots, after ``manage.py focus``."""
    home = hotspot_city.build(tmp_path_factory.mktemp("hotspots"))
    hotspot_city.run(home, "focus")
    return home


@pytest.fixture
def hotspot_version(hotspot_home: Path, clear_caches: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The snapshot of that city, which loaders read from here on."""
    monkeypatch.setenv("WEISU_HOME", str(hotspot_home))
    found = loaders.pin_version()
    assert found
    return found


@pytest.fixture
def open_hotspots(hotspot_home: Path, clear_caches: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Run 重点治理 of that city, or of a changed copy, without the home page before it; or another page of it, the home page being the empty one."""

    def run(home: Path | None = None, page: str = hotspot_screen.PAGE, **query: str) -> AppTest:
        monkeypatch.setenv("WEISU_HOME", str(home or hotspot_home))
        app = AppTest.from_file(APP, default_timeout=TIMEOUT)
        for key, value in query.items():
            app.query_params[key] = value
        return app.switch_page(page).run() if page else app.run()

    return run


@pytest.fixture
def seeded_version(seeded_home: Path, clear_caches: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The snapshot of the seeded city, which loaders read from here on."""
    monkeypatch.setenv("WEISU_HOME", str(seeded_home))
    found = loaders.pin_version()
    assert found
    return found


@pytest.fixture
def clear_caches() -> None:
    forget()
    st.cache_resource.clear()


@pytest.fixture
def open_page(city_home: Path, clear_caches: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Run the app on the small city with a query, and on a page other than the home page where one is named."""
    monkeypatch.setenv("WEISU_HOME", str(city_home))

    def run(page: str = "", home: Path | None = None, **query: str) -> AppTest:
        if home is not None:
            monkeypatch.setenv("WEISU_HOME", str(home))
        app = AppTest.from_file(APP, default_timeout=TIMEOUT)
        for key, value in query.items():
            app.query_params[key] = value
        app.run()
        return app.switch_page(page).run() if page else app

    return run
