"""Fields of other servers that change nothing here, at the values that change nothing.

Clients send them as a matter of course. Any other value asks for something that there is not, and
is refused like an unknown field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ANY_VALUE = frozenset(
    "guided_decoding_backend metadata priority prompt_cache_key request_id safety_identifier "
    "service_tier store".split()
)
_NEUTRAL_VALUES: dict[str, tuple[Any, ...]] = {
    "add_generation_prompt": (True,),
    "add_special_tokens": (True,),
    "continue_final_message": (False,),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "ignore_eos": (False,),
    "include_stop_str_in_output": (False,),
    "length_penalty": (1,),
    "min_p": (0,),
    "min_tokens": (0,),
    "modalities": (["text"],),
    "repetition_penalty": (1,),
    "skip_special_tokens": (True,),
    "spaces_between_special_tokens": (True,),
    "stop_token_ids": ([],),
    "tools": ([],),
    "use_beam_search": (False,),
}


_ABOUT_TOOLS: dict[str, tuple[Any, ...]] = {
    "parallel_tool_calls": (True, False),
    "tool_choice": ("none", "auto"),
}
"""These change nothing where there are no tools."""


def without_neutral_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that say something: no nulls, and none at a value that changes nothing."""
    neutral = _NEUTRAL_VALUES if given.get("tools") else _NEUTRAL_VALUES | _ABOUT_TOOLS
    return {
        name: value
        for name, value in given.items()
        if value is not None and name not in _ANY_VALUE and value not in neutral.get(name, ())
    }
