"""``python -m crmhub``."""

from crmhub.cli import main

main()
