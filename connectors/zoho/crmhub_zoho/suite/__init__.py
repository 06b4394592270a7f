"""Zoho Books and Zoho Projects: objects beside the CRM's modules, by the same token."""
