"""Reading what stands behind a codec's name in YAML, with errors that say what is accepted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, tzinfo
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from crmhub.mapping.codecs.base import CodecError, Parameters
from crmhub.native import Value

__all__ = ["did_you_mean", "no_parameters", "one_of", "options", "text_option", "time_zone"]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'date'?`` where a known name is close, else nothing."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def no_parameters(codec: str, parameters: Parameters) -> None:
    """Raises :class:`CodecError` if a codec that takes no parameters was given some."""
    if parameters is not None:
        raise CodecError(f"{codec}: takes no parameters; write just {codec!r}")


def options(codec: str, parameters: Parameters, allowed: tuple[str, ...]) -> dict[str, Value]:
    """The codec's options as a dict, empty for a bare name; an unknown option is an error."""
    accepted = ", ".join(allowed)
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise CodecError(f"{codec}: its parameters are written as {{option: value}}; options: {accepted}")
    for option in parameters:
        if option not in allowed:
            hint = did_you_mean(str(option), allowed)
            raise CodecError(f"{codec}: unknown option {str(option)!r}; options: {accepted}{hint}")
    return dict(parameters)


def one_of(codec: str, option: str, value: Value, allowed: Iterable[str]) -> str:
    """The option's value, which must be one of the allowed words."""
    words = tuple(allowed)
    if isinstance(value, str) and value in words:
        return value
    hint = did_you_mean(value, words) if isinstance(value, str) else ""
    raise CodecError(f"{codec}: {option} is one of {', '.join(words)}{hint}")


def text_option(codec: str, option: str, value: Value) -> str:
    """The option's value, which must be a text that is not empty."""
    if isinstance(value, str) and value:
        return value
    raise CodecError(f"{codec}: {option} is a text that is not empty")


def time_zone(codec: str, value: Value) -> tzinfo:
    """The time zone of an IANA name such as ``Europe/Berlin``; ``UTC`` needs no zone data."""
    name = text_option(codec, "tz", value)
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of zones is an OSError
        hint = did_you_mean(name, available_timezones())
        raise CodecError(f"{codec}: tz is an IANA time zone such as 'Europe/Berlin'{hint}") from None
