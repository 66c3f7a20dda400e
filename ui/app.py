"""The script that Streamlit runs: the product's name, language switch, log-in, navigation and the views."""

from pathlib import Path

import streamlit as st

from ui import resources
from ui.language import LANGUAGES, Language, preferred, speak
from ui.version import version
from ui.views import model, relabel, try_tweet, watch

BRAND = Path(__file__).parent / "brand"
NAME = "Vigie · Air Paradis"
COOKIE = "language"
YEAR_SECONDS = 365 * 24 * 60 * 60
REMEMBER = (
    "<script>document.cookie = '{cookie}={code}; max-age={age}; path=/; samesite=lax'; "
    "document.documentElement.lang = '{code}'</script>"
)


def choose_language() -> Language:
    """Return the language chosen on the page; the initial one comes from the URL, the cookie or the browser."""
    initial = preferred(st.query_params.get("lang"), st.context.cookies.get(COOKIE), st.context.locale)
    code = st.segmented_control(
        "Langue · Language",
        LANGUAGES,
        default=initial,
        required=True,
        format_func=lambda code: {"fr": "Français", "en": "English"}[code],
        key="language",
        label_visibility="collapsed",
    )
    st.html(REMEMBER.format(cookie=COOKIE, code=code, age=YEAR_SECONDS), unsafe_allow_javascript=True)
    return speak(str(code))


def ask_to_log_in(say: Language) -> None:
    """Ask for the log-in."""
    with st.container(horizontal_alignment="center"), st.container(border=True, width=440):
        st.title(NAME, anchor=False)
        st.write(say("page.log_in_lead"))
        st.button(say("page.log_in"), key="log_in", icon=":material/login:", type="primary", on_click=st.login)


def main() -> None:
    """Show the current view."""
    st.set_page_config(page_title=NAME, page_icon=str(BRAND / "mark.svg"), layout="centered")
    st.logo(str(BRAND / "logo.svg"), size="large")
    st.html(BRAND / "style.css")
    say = choose_language()
    needs_login = resources.settings().login is not None
    if needs_login and not st.user.is_logged_in:
        ask_to_log_in(say)
        return
    views = {
        "try": (lambda: try_tweet.show(say), ":material/chat:"),
        "watch": (lambda: watch.show(say), ":material/monitoring:"),
        "model": (lambda: model.show(say), ":material/fact_check:"),
    }
    if not resources.settings().anonymous:  # stored tweets are for people who are known
        views["relabel"] = (lambda: relabel.show(say), ":material/rule:")
    pages = [
        st.Page(view, title=say(f"{name}.title"), icon=icon, url_path=name, default=name == "try")
        for name, (view, icon) in views.items()
    ]
    st.navigation(pages, position="top").run()
    if needs_login:
        st.button(say("page.log_out"), key="log_out", icon=":material/logout:", type="tertiary", on_click=st.logout)
    st.caption(say("page.version", version=version()))


main()
