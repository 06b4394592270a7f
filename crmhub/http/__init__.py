"""HTTP supplies: the one client through which every connector calls its CRM.

The only package that imports httpx, so that a move to a successor is made in one place.
"""

from crmhub.http.addresses import Reach, Resolve
from crmhub.http.auth import Auth, BearerToken, FormPost, Grant, StaticHeaders, Wire
from crmhub.http.breaker import BreakerOptions
from crmhub.http.budget import Allowance, Budget, BudgetStore, Spent
from crmhub.http.call import Params
from crmhub.http.client import HttpClient
from crmhub.http.limits import Booking, Limit, QuotaStore
from crmhub.http.oauth import Fetch, HttpSend, OAuth, bearer
from crmhub.http.paths import path, quote
from crmhub.http.response import Response
from crmhub.http.settings import HttpSettings
from crmhub.http.streams import Body, FormFile, Sink
from crmhub.http.token_reply import read_token
from crmhub.http.tokens import Claim, MemoryTokenStore, Token, TokenStore
from crmhub.http.transport import asgi_transport
from crmhub.http.verdict import Classify

__all__ = [
    "Allowance",
    "Auth",
    "BearerToken",
    "Body",
    "Booking",
    "BreakerOptions",
    "Budget",
    "BudgetStore",
    "Claim",
    "Classify",
    "Fetch",
    "FormFile",
    "FormPost",
    "Grant",
    "HttpClient",
    "HttpSend",
    "HttpSettings",
    "Limit",
    "MemoryTokenStore",
    "OAuth",
    "Params",
    "QuotaStore",
    "Reach",
    "Resolve",
    "Response",
    "Sink",
    "Spent",
    "StaticHeaders",
    "Token",
    "TokenStore",
    "Wire",
    "asgi_transport",
    "bearer",
    "path",
    "quote",
    "read_token",
]
