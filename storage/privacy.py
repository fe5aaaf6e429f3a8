"""What keeps persons out of the store: a keyed hash for callers, masks for identifiers inside texts. SQL fragments.

Both run inside the read of the file, so that no number is written to the store. Copies of delivered files in the
staging folder (where encoding, lines or sheets must be put right first) hold what was delivered, and go with the run.
"""

from __future__ import annotations

import hashlib

__all__ = ["LABEL_SUSPICIOUS", "caller_key_sql", "mask_label_sql", "mask_sql"]

SHA256_BLOCK = 64

# Digits may be full-width and grouped by blanks or dashes, as people type them.
_D = "[0-9０-９]"
_GAP = "[-－—\\s]?"
_WIDE = "[-－—–._·\\s]{0,3}"
PLATE_REGIONS = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"

MASKS: tuple[tuple[str, str], ...] = (
    (r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}", "[邮箱]"),
    (rf"{_D}{{6}}{_GAP}{_D}{{8}}{_GAP}{_D}{{3}}[0-9０-９XxＸｘ]", "[证件号]"),
    (rf"\b{_D}{{15}}\b", "[证件号]"),
    (rf"[1１][3-9３-９]{_D}{_WIDE}{_D}{{4}}{_WIDE}{_D}{{4}}", "[电话]"),
    (rf"[(（]?[0０]{_D}{{2,3}}[)）]?{_GAP}{_D}{{7,8}}", "[电话]"),
    (rf"\(?{_D}{{3}}\)?[-.\s]{_D}{{3}}[-.\s]{_D}{{4}}", "[电话]"),
    (rf"[{PLATE_REGIONS}][A-HJ-NP-Z][-·•\s]?[A-HJ-NP-Z0-9]{{4,5}}[A-HJ-NP-Z0-9挂学警港澳]", "[车牌]"),
    (rf"[{PLATE_REGIONS}][a-hj-np-z][-·•\s]?[0-9]{{4,5}}[a-z0-9]", "[车牌]"),
    (rf"[3-9３-９]{_D}{{3}}{_GAP}{_D}{{4}}", "[电话]"),
)
"""Pattern and replacement, in order: long identifiers before the shorter ones they contain.

The last one is the eight-digit landline without its area code (first digit 3-9, which spares dates such as
20240101); it also covers other eight-digit numbers, which is the safe side to err on.
"""

SUSPICIOUS = rf"@|{_D}{{3}}[-－—–._·)）\s]{{0,3}}{_D}{{3}}|[{PLATE_REGIONS}][A-HJ-NP-Za-hj-np-z]"
"""Cheap test that every text with something to mask passes: most texts fail it and are spared the masks."""


LABEL_MASKS = MASKS[:2] + tuple(item for item in MASKS if item[0].startswith("[1１]"))
LABEL_SUSPICIOUS = rf"@|{_D}{{3}}[^0-9]{{0,3}}{_D}{{4}}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def mask_sql(value: str) -> str:
    """SQL for ``value`` with phone, identity-card, plate and e-mail patterns replaced."""
    masked = value
    for pattern, replacement in MASKS:
        masked = f"regexp_replace({masked}, {_literal(pattern)}, {_literal(replacement)}, 'g')"
    return f"CASE WHEN regexp_matches({value}, {_literal(SUSPICIOUS)}) THEN {masked} ELSE {value} END"


def mask_label_sql(value: str) -> str:
    """SQL for a one-line label with mobile numbers, identity cards and e-mail addresses replaced.

    Labels hold codes of places and units, so the shorter patterns, which any code of eight digits would match, stay out.
    """
    masked = value
    for pattern, replacement in LABEL_MASKS:
        masked = f"regexp_replace({masked}, {_literal(pattern)}, {_literal(replacement)}, 'g')"
    return f"CASE WHEN strlen({value}) >= 6 AND regexp_matches({value}, {_literal(LABEL_SUSPICIOUS)}) THEN {masked} ELSE {value} END"


def caller_key_sql(value: str, key: bytes) -> str:
    """SQL for the caller's key: the first 63 bits of HMAC-SHA-256 of the number without blanks and dashes.

    RFC 2104 written with the engine's own ``sha256``; the same number gives the same key under one secret and
    cannot be found back without it.
    """
    if len(key) > SHA256_BLOCK:
        key = hashlib.sha256(key).digest()
    padded = key.ljust(SHA256_BLOCK, b"\0")
    inner = bytes(byte ^ 0x36 for byte in padded).hex()
    outer = bytes(byte ^ 0x5C for byte in padded).hex()
    # eleven digits are a bare mobile number: the usual case needs no cleaning
    is_bare = f"strlen({value}) = 11 AND try_cast({value} AS BIGINT) > 9999999999"
    bare = f"CASE WHEN {is_bare} THEN {value} ELSE regexp_replace({value}, '[-－—\\s()（）+]', '', 'g') END"
    plain = f"encode({bare})"
    digest = f"sha256(unhex('{outer}') || unhex(sha256(unhex('{inner}') || {plain})))"
    return f"CAST(CAST('0x' || left({digest}, 16) AS UBIGINT) >> 1 AS BIGINT)"
