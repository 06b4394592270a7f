"""Codecs as JSON Schema: what may stand behind ``as``, for editors that check while one types.

The factories stay the judges: what they take, the schema takes too. Each entry's ``examples`` are
taken by its factory, and show between them every kind that the codec can give.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from crmhub.mapping.codecs import CODECS, Factory, Kind, is_wide, make
from crmhub.native import Native, Value

__all__ = ["CodecForm", "codec_forms", "codec_schema"]

_TEXT: Native = {"type": "string", "minLength": 1}
_WORD: Native = {"type": ["string", "integer", "boolean"], "minLength": 1}
_WORDS: Native = {"anyOf": [_WORD, {"type": "array", "items": _WORD, "minItems": 1}]}
_ZONE: Native = {**_TEXT, "description": "An IANA time zone.", "examples": ["UTC", "Europe/Berlin"]}
_INSTANTS: list[Value] = ["iso", "offset", "millis", "z", "local"]
_MEANING: Native = {"type": ["string", "integer", "boolean", "null"], "minLength": 1}
_TABLE: Native = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": _MEANING,
    "description": "The CRM's literal: the model's value; null means empty.",
}


def _options(properties: Mapping[str, Value], **more: Value) -> Native:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False, **more}


_PARAMETERS: Mapping[str, Native] = {
    "prefix": {**_TEXT, "description": "The text before each value.", "examples": ["crm:"]},
    "const": {
        "type": ["string", "number", "boolean"],
        "minLength": 1,
        "description": "The one value, whatever stands there.",
        "examples": ["web", 1, 0.5, True],
    },
    "split": {**_TEXT, "description": "The separator; without it, a list is written.", "examples": [";"]},
    "join": {
        **_TEXT,
        "description": "What stands between the fields: else a blank.",
        "examples": [" "],
    },
    "enum": {
        "anyOf": [
            _TABLE,
            _options({"table": _TABLE, "unknown": {"enum": ["keep", "error"]}}, required=["table"]),
        ],
        "description": "The CRM's literal: the model's value; null means empty.",
        "examples": [{"Closed Won": "won"}, {"table": {"Closed Won": "won"}, "unknown": "error"}],
    },
    "bool": {
        "type": "object",
        "patternProperties": {"^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$": _WORDS},
        "additionalProperties": False,
        "minProperties": 2,
        "description": "The CRM's words for true and false; the first of each is written.",
        "examples": [{"true": ["Yes"], "false": ["No"]}],
    },
    "date": {
        "anyOf": [
            {"enum": ["iso", "epoch_s", "epoch_ms"]},
            {"type": "string", "pattern": "%"},
            _options({"in": {"type": "string"}, "tz": _ZONE}),
        ],
        "description": "A format of %Y, %m, %d, %b and %B, an epoch, or the day of an instant in a zone.",
        "examples": ["%m/%d/%Y", "epoch_ms", {"in": "epoch_ms", "tz": "UTC"}],
    },
    "datetime": _options(
        {
            "out": {"enum": _INSTANTS, "description": "The form that is written."},
            "tz": _ZONE,
            "days": {"type": "boolean", "description": "Whether a day alone is read as its beginning in tz."},
        },
        examples=[{"out": "z"}, {"tz": "UTC"}, {"tz": "UTC", "days": True}],
    ),
    "duration": {
        "enum": ["ms", "seconds", "minutes", "hours", "mm:ss", "hh:mm", "hh:mm:ss"],
        "examples": ["minutes"],
    },
    "unit": _options(
        {
            "scale": {
                "anyOf": [{"type": "number", "exclusiveMinimum": 0}, _TEXT],
                "description": "How many of the model's units one of the CRM's is.",
            }
        },
        required=["scale"],
        examples=[{"scale": 1000000}],
    ),
    "money": _options(
        {
            "currency": {**_TEXT, "description": "The native field that holds the currency."},
            "default": {
                "type": "string",
                "pattern": "^[A-Z]{3}$",
                "description": "The currency of all amounts, an ISO 4217 code.",
            },
        },
        examples=[{"currency": "Currency"}, {"default": "USD"}],
    ),
    "country": {"enum": ["name", "code"], "description": "What the CRM holds.", "examples": ["code"]},
    "phone_e164": _options(
        {"region": {"type": ["string", "null"], "description": "Whose numbers come without a country code."}},
        examples=[{"region": "DE"}],
    ),
}
"""What may stand behind a codec's name; the codecs that are not here take no parameters."""

_NOT_BARE = frozenset({"prefix", "const", "enum", "unit"})
"""Codecs that need parameters."""


@dataclass(frozen=True, slots=True)
class CodecForm:
    """How one codec is written, and what follows from it for the rule that names it."""

    name: str
    bare: bool
    """Whether its name alone will do."""
    parameters: Native | None
    """The schema of its parameters; ``None`` where it takes none, ``{}`` where they are not known."""
    gives: frozenset[Kind] | None
    """The kinds it can give; ``None`` where that is not known."""
    wide: bool = False
    """Whether it can work on several native fields."""
    lossy: bool = False
    """Whether the bare codec loses something."""
    encodes: bool = True
    """Whether the bare codec has a way back."""


def codec_forms(codecs: Mapping[str, Factory]) -> tuple[CodecForm, ...]:
    """The forms of the codecs, by name. Of a plugin's codec only its name is known."""
    return tuple(
        _form(name) if CODECS.get(name) is factory else CodecForm(name, True, {}, None, wide=True)
        for name, factory in sorted(codecs.items())
    )


def _form(name: str) -> CodecForm:
    parameters = _PARAMETERS.get(name)
    bare = name not in _NOT_BARE
    examples = parameters.get("examples") if parameters else None
    given = [make({name: example}) for example in examples] if isinstance(examples, list) else []
    plain = make(name) if bare else None
    made = [*given, *([plain] if plain else [])]
    return CodecForm(
        name,
        bare,
        parameters,
        frozenset[Kind]().union(*(codec.gives for codec in made)),
        wide=any(is_wide(codec) for codec in made),
        lossy=plain is not None and plain.lossy,
        encodes=plain is None or plain.encodes,
    )


def codec_schema(forms: Iterable[CodecForm]) -> Native:
    """One codec as a schema: its name, or a table of its name and parameters."""
    chosen = tuple(forms)
    named: Native = {form.name: _behind(form) for form in chosen}
    return {
        "anyOf": [
            {"enum": _listed(form.name for form in chosen if form.bare)},
            {
                "type": "object",
                "properties": named,
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ]
    }


def _behind(form: CodecForm) -> Native:
    if form.parameters is None:
        return {"type": "null"}
    if form.bare and form.parameters:
        return {"anyOf": [form.parameters, {"type": "null"}]}
    return form.parameters


def _listed(names: Iterable[str] | Collection[str]) -> list[Value]:
    return list(names)
