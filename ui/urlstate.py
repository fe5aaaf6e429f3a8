"""Select boxes bound to the URL, with values checked and codes accepted as well as names."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import streamlit as st

from ui.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["begin", "notes", "put", "select", "unique_labels"]

NOTES_KEY = "_url_notes"
EVERYTHING = ""
"""The option that restricts nothing. Not ``None``: set from a callback that would show as nothing chosen."""


def unique_labels(codes: Iterable[str], names: Iterable[str], hints: Iterable[object]) -> dict[str, str]:
    """Screen names by code; a name that occurs twice gets its hint (the parent's name) or its code."""
    rows = [(str(code), str(name), str(hint) if isinstance(hint, str) and hint else str(code)) for code, name, hint in zip(codes, names, hints, strict=True)]
    seen = Counter(name for _code, name, _hint in rows)
    labels = {code: name if seen[name] == 1 else _("{name}（{hint}）").format(name=name, hint=hint) for code, name, hint in rows}
    again = Counter(labels.values())
    return {code: text if again[text] == 1 else f"{text} {code}" for code, text in labels.items()}


def begin() -> None:
    """Forget the notes of the run before."""
    st.session_state[NOTES_KEY] = []


def notes() -> list[str]:
    """Short notes on URL values that were not understood in this run."""
    return list(st.session_state.get(NOTES_KEY, []))


def _check(key: str, title: str, labels: Mapping[str, str]) -> None:
    """Accept a code in place of a name, and note an unknown value; Streamlit then falls back to the default."""
    if key in st.session_state and st.session_state[key] not in {EVERYTHING, *labels}:
        del st.session_state[key]  # an option that is gone since: another district, another snapshot
    if key in st.session_state:
        return
    raw = st.query_params.get(key)
    if raw is None or raw in labels.values():
        return
    if raw in labels:
        st.query_params[key] = labels[raw]
        st.rerun()
    st.session_state.setdefault(NOTES_KEY, []).append(_("链接中的{title}“{value}”不在可选范围内，已改用默认值。").format(title=title, value=raw[:40]))


def select(
    title: str,
    labels: Mapping[str, str],
    *,
    key: str,
    required: bool = False,
    default: str | None = None,
    everything: str | None = None,
    width: int | Literal["stretch"] = "stretch",
) -> str | None:
    """A select box over codes, shown and kept in the URL by their names.

    Parameters
    ----------
    labels
        Screen name by code, in the order shown.
    required
        Without it a first option stands for no restriction and returns ``None``.
    default
        Code of the option chosen at first; without it the first one is.
    everything
        Name of that first option.
    width
        Pixels, or the whole row.
    """
    _check(key, title, labels)
    options = list(labels) if required else [EVERYTHING, *labels]
    names = {EVERYTHING: everything or _("全部"), **labels}
    chosen = st.selectbox(
        title,
        options,
        index=options.index(default) if default in options else 0,
        format_func=lambda code: names.get(code, str(code)),
        key=key,
        bind="query-params",
        placeholder=_("请选择"),
        width=width,
    )
    return chosen or None


def put(key: str, value: str | None) -> None:
    """Set a bound control from a callback, and thereby the URL."""
    st.session_state[key] = EVERYTHING if value is None else value
