"""The script that Streamlit runs: language switch, navigation and the three views."""

import streamlit as st

from ui.language import LANGUAGES, Language, preferred, speak
from ui.views import model, try_tweet, watch

COOKIE = "language"
YEAR_SECONDS = 365 * 24 * 60 * 60
# Less space at the top, smaller second-level headings, and captions with enough contrast to be readable.
STYLE = """
<style>
.stMainBlockContainer {padding-top: 4rem}
h1 {padding-top: 0}
h2 {font-size: 1.6rem !important}
[data-testid="stCaptionContainer"] {opacity: 1 !important; color: #4b5763 !important}
[data-testid="stCaptionContainer"] p {color: inherit !important}
</style>"""
REMEMBER = (
    "<script>document.cookie = '{cookie}={code}; max-age={age}; path=/; samesite=lax'; "
    "document.documentElement.lang = '{code}'</script>"
)


def choose_language() -> Language:
    """Return the language chosen on the page; the initial one comes from the URL, the cookie or the browser."""
    initial = preferred(st.query_params.get("lang"), st.context.cookies.get(COOKIE), st.context.locale)
    with st.container(horizontal_alignment="right"):
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


def main() -> None:
    """Show the current view."""
    st.set_page_config(page_title="Air Paradis", page_icon=":material/flight:", layout="centered")
    st.html(STYLE)
    say = choose_language()
    views = {
        "try": (lambda: try_tweet.show(say), ":material/chat:"),
        "watch": (lambda: watch.show(say), ":material/monitoring:"),
        "model": (lambda: model.show(say), ":material/fact_check:"),
    }
    pages = [
        st.Page(view, title=say(f"{name}.title"), icon=icon, url_path=name, default=name == "try")
        for name, (view, icon) in views.items()
    ]
    st.navigation(pages, position="top").run()


main()
