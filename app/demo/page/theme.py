"""Colours and type: the visitor's own fonts, so nothing is fetched from elsewhere."""

import gradio as gr

SANS = ("ui-sans-serif", "system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
HEADER = """<header class="nsvq-head"><h1>nsvq listening room</h1>
<p>Speech in a few kilobits a second. Pick a clip, move the bitrate, switch while it plays.</p>
<button type="button" aria-label="Switch between light and dark">Light / dark</button></header>"""


def build_theme() -> gr.themes.Base:
    """System fonts, one accent."""
    return gr.themes.Base(primary_hue="teal", secondary_hue="teal", neutral_hue="slate",
                          radius_size="lg", font=SANS, font_mono=MONO)
