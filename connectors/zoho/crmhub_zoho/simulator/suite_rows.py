"""How many records of Zoho Books and Zoho Projects an organisation begins with."""

from typing import Final

from crmhub.testing.simulator.options import Options

INVOICES: Final = "Books.Invoices"
CUSTOMERS: Final = "Books.Customers"
PROJECTS: Final = "Projects.Projects"
TASKS: Final = "Projects.Tasks"
MILESTONES: Final = "Projects.Milestones"
_MOST_PROJECTS: Final = 20


def suite_counts(options: Options) -> dict[str, int]:
    """As told by `rows`; a plain number makes as many invoices, and a few projects with ten tasks each.

    Customers are the CRM's accounts, or ten where it has none.
    """
    main = options.rows if isinstance(options.rows, int) else 0
    projects = options.rows_of(PROJECTS, min(main, _MOST_PROJECTS))
    invoices = options.rows_of(INVOICES, main)
    customers = options.rows_of(CUSTOMERS, main)
    if invoices and not customers:
        customers = options.rows_of("Accounts") or min(invoices, 10)
    return {
        INVOICES: invoices,
        CUSTOMERS: customers,
        PROJECTS: projects,
        TASKS: options.rows_of(TASKS, projects * 10),
        MILESTONES: options.rows_of(MILESTONES, projects * 3),
    }
