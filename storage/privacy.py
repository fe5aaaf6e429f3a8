"""What keeps persons out of the store: a keyed hash for callers, masks for identifiers inside texts and labels.

The number of a caller is hashed in the engine, inside the read of the file; texts and labels are masked on the batches
that come out of it, before they are written. Staging, which goes with the run, may hold what was delivered: copies of
files whose encoding, lines or sheets had to be put right first, and the faulty rows.
"""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pyarrow.compute as pc

from governance.tickets import FIELDS, Kind

__all__ = ["caller_key_sql", "mask_labels", "mask_texts", "masked"]

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

TEXTS = {item.name for item in FIELDS if item.kind is Kind.TEXT} | {"enterprise", "exclusion_reason"}
"""Columns that people type; in the two labels among them a trader's number stands as often as in a text."""

LABELS = {item.name for item in FIELDS if item.kind in (Kind.LABEL, Kind.LABELS)} - TEXTS - {"ticket_id"}


def masked(rows: pa.RecordBatch) -> pa.RecordBatch:
    """The rows of the lake with their texts and labels masked."""
    columns = []
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        if column.null_count < len(column) and name in TEXTS:
            columns.append(mask_texts(column))
        elif column.null_count < len(column) and name in LABELS:
            columns.append(mask_labels(column))
        else:
            columns.append(column)
    return pa.RecordBatch.from_arrays(columns, rows.schema.names)


def mask_texts(texts: pa.Array) -> pa.Array:
    """Texts with phone, identity-card, plate and e-mail patterns replaced."""
    return _masked(texts, SUSPICIOUS, MASKS)


def mask_labels(labels: pa.Array) -> pa.Array:
    """One-line labels, or lists of them, with mobile numbers, identity cards and e-mail addresses replaced.

    Labels hold codes of places and units, so the shorter patterns, which any code of eight digits would match, stay out.
    They repeat, so each is looked at once.
    """
    if pa.types.is_list(labels.type):
        return pa.ListArray.from_arrays(labels.offsets, mask_labels(labels.values), mask=labels.is_null())
    coded = labels.dictionary_encode()
    masked = _masked(coded.dictionary, LABEL_SUSPICIOUS, LABEL_MASKS)
    return labels if masked is coded.dictionary else masked.take(coded.indices)


def _masked(values: pa.Array, suspicious: str, masks: tuple[tuple[str, str], ...]) -> pa.Array:
    """The values with the masks applied to the suspicious ones; the very same array where there is none."""
    chosen = pc.fill_null(pc.match_substring_regex(values, suspicious), False)
    if not pc.any(chosen).as_py():
        return values
    masked = values.filter(chosen)
    for pattern, replacement in masks:
        if pc.any(pc.match_substring_regex(masked, pattern)).as_py():  # to look is much cheaper than to replace
            masked = pc.replace_substring_regex(masked, pattern, replacement)
    return pc.replace_with_mask(values, chosen, masked)


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
