r"""The formats of JSON Schema that are checked: regular languages, spelled as Python patterns.

Each is a subset of what its RFC allows, and says here what it leaves out.
"""

from __future__ import annotations

_DAY = (
    r"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
)
# A leap second only where its hour and minute are those of UTC.
_TIME = (
    r"(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
    r"|23:59:60(?:\.[0-9]+)?(?:[Zz]|[+-]00:00))"
)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# No `--` in the third and fourth place: such a label stands for Unicode and has rules of its own.
_HOST_LABEL = (
    r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-][A-Za-z0-9]"
    r"|[A-Za-z0-9][A-Za-z0-9-](?:[A-Za-z0-9][A-Za-z0-9-]|-[A-Za-z0-9])[A-Za-z0-9-]{0,58}[A-Za-z0-9]"
    r"|[A-Za-z0-9][A-Za-z0-9-][A-Za-z0-9]{2}|[A-Za-z0-9][A-Za-z0-9-]-[A-Za-z0-9])"
)
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"(?:{_BYTE}\.){{3}}{_BYTE}"
_H16 = r"[0-9A-Fa-f]{1,4}"
_LS32 = rf"(?:{_H16}:{_H16}|{_IPV4})"
_IPV6 = (
    rf"(?:(?:{_H16}:){{6}}{_LS32}|::(?:{_H16}:){{5}}{_LS32}|(?:{_H16})?::(?:{_H16}:){{4}}{_LS32}"
    rf"|(?:(?:{_H16}:){{0,1}}{_H16})?::(?:{_H16}:){{3}}{_LS32}"
    rf"|(?:(?:{_H16}:){{0,2}}{_H16})?::(?:{_H16}:){{2}}{_LS32}"
    rf"|(?:(?:{_H16}:){{0,3}}{_H16})?::{_H16}:{_LS32}"
    rf"|(?:(?:{_H16}:){{0,4}}{_H16})?::{_LS32}"
    rf"|(?:(?:{_H16}:){{0,5}}{_H16})?::{_H16}"
    rf"|(?:(?:{_H16}:){{0,6}}{_H16})?::)"
)
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_UNICODE = (
    r"\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef\U00010000-\U0001fffd\U00020000-\U0002fffd"
    r"\U00030000-\U0003fffd\U000e1000-\U000efffd"
)
_PRIVATE = r"\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"


def _references(more: str, more_in_query: str) -> tuple[str, str]:
    """Return the patterns of a URI and of a relative reference (RFC 3986), or those of an IRI.

    Args:
        more: Characters that may stand as they are, beside those of ASCII.
        more_in_query: Further ones for the query.
    """
    free, escaped = rf"A-Za-z0-9._~!$&'()*+,;={more}-", r"%[0-9A-Fa-f]{2}"
    char = rf"(?:[:@{free}]|{escaped})"
    no_colon = rf"(?:[@{free}]|{escaped})"
    user = rf"(?:(?:[:{free}]|{escaped})*@)?"
    authority = rf"{user}(?:\[{_IPV6}\]|(?:[{free}]|{escaped})*)(?::[0-9]*)?"
    tail = rf"(?:\?(?:[/?{more_in_query}]|{char})*)?(?:\#(?:[/?]|{char})*)?"
    path = rf"(?:/{char}*)*"
    absolute = rf"/(?:{char}+{path})?"
    whole = rf"[A-Za-z][A-Za-z0-9+.-]*:(?://{authority}{path}|{absolute}|{char}+{path}|){tail}"
    relative = rf"(?://{authority}{path}|{absolute}|{no_colon}+{path}|){tail}"
    return whole, rf"(?:{whole}|{relative})"


_URI, _URI_REFERENCE = _references("", "")
_IRI, _IRI_REFERENCE = _references(_UNICODE, _PRIVATE)
_NAMING = r"(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2})"
_VARIABLE = rf"{_NAMING}(?:\.?{_NAMING})*(?::[1-9][0-9]{{0,3}}|\*)?"
_TEMPLATE = (
    rf"(?:[!\#$&-;=?-\[\]_a-z~{_UNICODE}{_PRIVATE}]|%[0-9A-Fa-f]{{2}}"
    rf"|\{{[+\#./;?&=,!@|]?{_VARIABLE}(?:,{_VARIABLE})*\}})*"
)
_POINTER = r"(?:/(?:[^/~]|~[01])*)*"
_TIMES = r"T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)"
_DATES = r"(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)"

CHECKED: dict[str, tuple[str, ...]] = {
    "date": (_DAY,),
    "time": (_TIME,),
    "date-time": (rf"{_DAY}[Tt]{_TIME}",),
    "duration": (rf"P(?:{_DATES}(?:{_TIMES})?|{_TIMES}|[0-9]+W)",),
    # Dotted atoms at a host name or an address; neither quoted names nor comments.
    "email": (
        rf"{_ATEXT}+(?:\.{_ATEXT}+)*@(?:{_LABEL}(?:\.{_LABEL})*|\[{_IPV4}\]|\[IPv6:{_IPV6}\])",
        r"[^@]{1,64}@.{1,255}",
    ),
    "hostname": (rf"{_HOST_LABEL}(?:\.{_HOST_LABEL})*", r".{1,253}"),
    "ipv4": (_IPV4,),
    "ipv6": (_IPV6,),
    "uri": (_URI,),
    "uri-reference": (_URI_REFERENCE,),
    "iri": (_IRI,),
    "iri-reference": (_IRI_REFERENCE,),
    "uri-template": (_TEMPLATE,),
    "uuid": (r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}",),
    "json-pointer": (_POINTER,),
    "relative-json-pointer": (rf"(?:0|[1-9][0-9]*)(?:\#|{_POINTER})",),
}
"""By name, patterns that all match the whole text."""

NOT_CHECKED = frozenset({"idn-email", "idn-hostname", "regex"})
"""Formats that the standard defines and nobody here checks."""
