"""What comes of an uploaded file: its document, its earlier versions, where it is published.

Source: Object Reference, "ContentVersion", "ContentDocument", "ContentDocumentLink", "Attachment".
"""

from crmhub.testing.simulator.table import Row
from crmhub_salesforce.simulator.catalog.sobject import SObject
from crmhub_salesforce.simulator.org import Org

_SHARED = ("Title", "FileType", "FileExtension", "ContentSize")


def size_of(base64_text: object) -> int:
    """How many bytes a text in base64 stands for."""
    text = str(base64_text or "")
    return len(text) * 3 // 4 - text.count("=", -2)


def measure(row: Row) -> None:
    """What the service says of a version by itself: title, kind and size."""
    name = str(row.get("PathOnClient") or "").replace("\\", "/").rpartition("/")[2]
    stem, _, extension = name.rpartition(".")
    row.setdefault("Title", stem or name)
    if stem and extension:
        row.update(FileExtension=extension.lower(), FileType=extension.upper())
    row["ContentSize"] = size_of(row.get("VersionData"))


def publish(org: Org, version: SObject, record_id: str) -> None:
    """Give a new version its document, and publish it where it was to be published."""
    documents, links = org.catalog.get("ContentDocument"), org.catalog.get("ContentDocumentLink")
    table = org.tables[version.name]
    place = table.place_of(record_id)
    if documents is None or links is None or place is None:
        return
    row = dict(table.row(place))
    shared = {
        name: row[name] for name in ("Title", "FileType", "FileExtension", "ContentSize") if name in row
    }
    about: Row = {**shared, "LatestPublishedVersionId": record_id}
    document, number = row.get("ContentDocumentId"), 1
    if document is None:
        new: Row = {**about, "OwnerId": row.get("OwnerId"), "IsDeleted": False, "IsArchived": False}
        document = org.insert(documents, new)
        places = [str(row["OwnerId"]), str(row.get("FirstPublishLocationId") or "")]
        for target, share in zip(places, ("I", "V"), strict=True):
            if target:
                link: Row = {"ContentDocumentId": document, "LinkedEntityId": target, "ShareType": share}
                org.insert(links, {**link, "Visibility": "AllUsers", "IsDeleted": False})
    else:
        earlier = [each for each in table.find("ContentDocumentId", document) if each != place]
        number += len(earlier)
        for each in earlier:
            if table.row(each).get("IsLatest"):
                org.update(version, each, {**table.row(each), "IsLatest": False})
        holder = org.tables["ContentDocument"].place_of(str(document))
        if holder is not None:
            org.update(documents, holder, {**org.tables["ContentDocument"].row(holder), **about})
    done: Row = {"ContentDocumentId": document, "IsLatest": True, "VersionNumber": str(number)}
    org.update(version, place, {**row, **done})
