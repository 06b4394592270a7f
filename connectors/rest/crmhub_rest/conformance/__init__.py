"""The CRMs that the conformance checks run the presets against: doubles, and people who work in them."""
