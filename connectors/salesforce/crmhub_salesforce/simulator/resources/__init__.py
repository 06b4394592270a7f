"""The resources of the REST API, one module each; every module adds its own routes."""
