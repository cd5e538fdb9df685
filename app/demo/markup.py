"""Small pieces of HTML; every word from outside is escaped."""

from collections.abc import Iterable, Sequence
from html import escape


def cards(values: Iterable[tuple[str, str, str]]) -> str:
    """Numbers as a definition list: (name, value, small print)."""
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(note)}</small></dd></div>"
        for name, value, note in values
    )
    return f'<dl class="nsvq-cards">{rows}</dl>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """A table; the first column names its row.

    >>> table(["a"], [["<b>"]])
    '<div class="nsvq-table"><table><thead><tr><th scope="col">a</th></tr></thead><tbody><tr><th \
scope="row">&lt;b&gt;</th></tr></tbody></table></div>'
    """
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = ""
    for name, *cells in rows:
        body += f'<tr><th scope="row">{escape(name)}</th>'
        body += "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
    return (
        f'<div class="nsvq-table"><table>{title}<thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def alert(text: str) -> str:
    """Something went wrong; screen readers speak it at once."""
    return f'<p class="nsvq-alert" role="alert">{escape(text)}</p>'


def note(text: str) -> str:
    """A line of quiet text, read out when it changes."""
    return f'<p class="nsvq-note" role="status">{escape(text)}</p>'
