"""SOQL: parsed, checked against the object types, and run on the org's records."""
