"""A URL as its service gives it makes the service, and its form. Folders that cannot be read are reported."""

from pathlib import Path

import pytest

from notifications.channels import folder
from notifications.deliver import connect
from notifications.errors import NotificationError

PATH = "workflows/643e69f83c8944438d68119179a10a64/triggers/manual/paths/invoke"


@pytest.mark.filterwarnings("ignore")  # apprise imports what Python deprecates
@pytest.mark.parametrize(
    ("url", "service", "form"),
    [
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7", "NotifySlack", "slack"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7/#alerts", "NotifySlack", "slack"),
        (f"https://prod-1.logic.azure.com:443/{PATH}?api-version=2016-06-01&sig=KODuebWb", "NotifyWorkflows", "teams"),
        ("mailtos://u:p@smtp.example.com?from=n@example.com&to=t@example.com", "NotifyEmail", "html"),
        ("https://discord.com/api/webhooks/123/abc", "NotifyDiscord", "text"),
    ],
)
def test_a_url_makes_its_service(url: str, service: str, form: str) -> None:
    plugin, made = connect(url)
    assert (type(plugin).__name__, made.name) == (service, form)


@pytest.mark.parametrize(("name", "reason"), [("none", "No such file or directory"), ("file", "Not a directory")])
def test_a_folder_that_cannot_be_read(name: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("json://localhost")
    with pytest.raises(NotificationError) as raised:
        folder(tmp_path / name)
    assert str(raised.value) == f"{tmp_path}/{name}: cannot be read ({reason}); name a folder with one URL per file"
