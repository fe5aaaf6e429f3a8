"""What people did, on screen: who is acting, and the audit under Chinese heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from storage.home import Home
from storage.records.audit import read_audit
from ui import words
from ui.words import _

if TYPE_CHECKING:
    from storage.scope import Scope

__all__ = ["heads", "read", "who"]


def who(scope: Scope) -> str:
    """The name under which a change is kept."""
    return _("{role}（演示身份）").format(role=words.label(scope.role))


def read(scope: Scope, subject: str) -> pd.DataFrame:
    """The newest entries about ``subject``; read anew every time, as other administrators write too."""
    return read_audit(Home.from_environment(), scope, subject)


def heads(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """The columns that every table of the audit begins with."""
    return {_("时间（UTC）"): pd.to_datetime(rows["changed_at"], utc=True).dt.strftime("%Y-%m-%d %H:%M:%S"), _("谁"): rows["changed_by"]}
