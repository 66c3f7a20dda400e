"""Pictures of emails, as they arrive over SMTP."""

from contextlib import closing
from email.message import EmailMessage
from html import escape
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from telemetry import buzz
from telemetry.channels import send_mail
from telemetry.settings import Settings
from telemetry.wording import Language
from tests.browser import crisis
from tests.mailbox import Mailbox

WIDTH = 820
PAGE = """\
<!doctype html><meta charset="utf-8">
<style>
  body {{ margin: 0; padding: 24px; font: 15px/1.5 "DejaVu Sans", sans-serif; color: #1f2937; background: #f3f4f6; }}
  main {{ background: white; border: 1px solid #d1d5db; border-radius: 8px; padding: 20px 24px; }}
  h1 {{ font-size: 19px; margin: 0 0 12px; }}
  dl {{ display: grid; grid-template-columns: max-content auto; gap: 0 12px; margin: 0; padding-bottom: 14px;
       color: #4b5563; border-bottom: 1px solid #e5e7eb; }}
  dd {{ margin: 0; }}
  p {{ white-space: pre-wrap; overflow-wrap: anywhere; margin: 14px 0 0; }}
</style>
<main><h1>{subject}</h1><dl>{headers}</dl><p>{text}</p></main>"""


def crisis_mails(mailbox: Mailbox, folder: Path, languages: list[Language]) -> list[EmailMessage]:
    """Return the email about the same crisis in each language, as the mailbox receives it."""
    options: dict[str, Any] = mailbox.settings | {"smtp_security": "none", "buzz_zone": crisis.ZONE, "text": "masked"}
    with closing(crisis.replayed(folder / "mails.db", crisis.ADDED["alarm"][0])) as store:
        with store.database.reading() as connection:
            alert = buzz.listed(connection)[-1]
        for language in languages:
            settings = Settings(**options, buzz_language=language)
            send_mail(alert, settings, settings.mail_to)
    return mailbox.messages[-len(languages) :]


def take_mail(browser: Browser, message: EmailMessage, file: Path) -> None:
    """Take a picture of an email: its subject, sender, recipients and date, and its text."""
    headers = "".join(f"<dt>{name}</dt><dd>{escape(message[name])}</dd>" for name in ("From", "To", "Date"))
    text = escape(message.get_content().strip())
    page = browser.new_page(viewport={"width": WIDTH, "height": 200})
    page.set_content(PAGE.format(subject=escape(message["Subject"]), headers=headers, text=text))
    page.screenshot(path=file, full_page=True)
    page.close()
