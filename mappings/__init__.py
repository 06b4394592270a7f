"""The shipped mapping files, one per CRM."""
