"""The forms of messages. A new form needs a file here, an entry in the table below, and a template."""

from notifications.forms.base import Form as Form
from notifications.forms.html import Html
from notifications.forms.slack import Slack
from notifications.forms.teams import Teams
from notifications.forms.text import Text

FORMS: dict[str, Form] = {form.name: form for form in (Slack(), Teams(), Html(), Text())}


def of_schema(schema: str) -> Form:
    """Return the form that suits a service of apprise."""
    return next((form for form in FORMS.values() if schema in form.schemas), FORMS["text"])
