"""Worked examples: their mapping and schema files are installed with crmhub, for the demo."""
