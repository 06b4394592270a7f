"""JSON in and out, with exact decimals."""

from decimal import Decimal

import msgspec
from starlette.responses import Response

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def load_json(body: bytes) -> object:
    """The value in `body`; numbers with a point become Decimal. Raises msgspec.DecodeError if it is not
    JSON.
    """
    try:
        return _decoder.decode(body)
    except RecursionError:
        raise msgspec.DecodeError("JSON is nested too deeply") from None


def dump_json(value: object) -> bytes:
    """`value` as JSON; a Decimal is written as a number, digit for digit."""
    return _encoder.encode(value)


def json_response(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(dump_json(value), status, headers, "application/json")
