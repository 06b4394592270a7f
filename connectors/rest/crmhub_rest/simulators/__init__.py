"""Strict local doubles of REST CRMs, built from their specifications and from facts about them."""
