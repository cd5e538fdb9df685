"""Colours and type: the visitor's own fonts, so nothing is fetched from elsewhere."""

import gradio as gr

SANS = ("ui-sans-serif", "system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
HEADER = """<header class="nsvq-head"><h1>nsvq listening room</h1>
<p>Speech in a few kilobits a second. Pick a clip, move the bitrate, switch while it plays.</p>
<button type="button" aria-label="Switch between light and dark">Light / dark</button></header>"""
SCHEME = """const dark = (on) => document.body.classList.toggle("dark", on);
const kept = localStorage.getItem("nsvq-dark");
if (kept !== null) dark(kept === "1");
element.querySelector("button").onclick = () =>
  localStorage.setItem("nsvq-dark", dark() ? "1" : "0");
"""
"""Light or dark as the system has it, until the visitor says otherwise; then as they said."""


ACCENT, ACCENT_DARK = "#0d7d74", "#3fd0bf"


def build_theme() -> gr.themes.Base:
    """System fonts, one accent, and grey text that still contrasts (4.5 to 1 and more)."""
    theme = gr.themes.Base(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="slate",
        radius_size="lg",
        font=SANS,
        font_mono=MONO,
    )
    return theme.set(
        body_text_color_subdued="#52606d",
        body_text_color_subdued_dark="#a9b8c6",
        block_info_text_color="#52606d",
        color_accent=ACCENT,
        slider_color=ACCENT,
        slider_color_dark=ACCENT_DARK,
        input_background_fill_dark="#111827",
        button_primary_background_fill=ACCENT,
        button_primary_background_fill_hover="#0a655e",
        button_primary_background_fill_dark=ACCENT_DARK,
        button_primary_background_fill_hover_dark="#7be3d6",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#06201d",
        checkbox_background_color_selected=ACCENT,
        block_radius="12px",
    )
