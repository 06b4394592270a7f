"""Parts from which local doubles of vendors' APIs are built.

A double is a strict, stateful stand-in for one vendor's API: it refuses what the vendor refuses, keeps what
it is told, and answers in the vendor's own words. The parts here are what all doubles share: options, a clock
that can be turned, fault rules, tables whose seeded rows cost nothing until read, OAuth tokens, the ASGI
application and a server.
"""
