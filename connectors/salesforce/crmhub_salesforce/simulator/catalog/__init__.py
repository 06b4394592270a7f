"""The object types of the played org: names, fields, relationships (facts from describes of a real org)."""
