"""Who may see which rows. A ``Scope`` is an argument of every read and is applied in the data layer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["BOUND_ROLES", "Role", "Scope", "ScopeError"]


class Role(StrEnum):
    """The kinds of users."""

    LEADER = "leader"
    PLANNER = "planner"
    DEPARTMENT = "department"
    DISTRICT = "district"
    SUBDISTRICT = "subdistrict"
    ADMIN = "admin"


BOUND_ROLES = frozenset({Role.DEPARTMENT, Role.DISTRICT, Role.SUBDISTRICT})
"""Roles that see one unit's rows only."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A role, and for a bound role the unit it is bound to.

    ``unit_code`` is a district code, a subdistrict code or a handling unit, by role.

    Raises
    ------
    ValueError
        A bound role comes without a unit, or a free role with one.
    """

    role: Role
    unit_code: str | None = None

    def __post_init__(self) -> None:
        if (self.role in BOUND_ROLES) != (self.unit_code is not None):
            message = f"scope: role {self.role.value!r} {'needs' if self.role in BOUND_ROLES else 'takes no'} unit_code, got {self.unit_code!r}"
            raise ValueError(message)


class ScopeError(PermissionError):
    """A read was asked for that the scope does not allow at all."""
