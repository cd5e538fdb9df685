"""Work that a button starts and another one cancels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import Parameter, Signature, signature
from typing import Any

import gradio as gr

from app.demo.markup import note
from app.demo.studio import Studio


@dataclass
class Controls:
    """The buttons of one job, the line that says where it stands, the line that says it is off."""

    starts: list[gr.Button]
    stop: gr.Button
    status: gr.HTML
    cancelled: gr.HTML
    """A line of its own: a step that was under way still writes its progress into `status`."""
    clears: gr.State
    """A visitor's {"count": how often the inputs were cleared, "jobs": how many began}."""
    emptied: dict[Any, Any] = field(default_factory=dict)
    """Components, and what each holds when it is empty: `clear_on` fills it."""
    events: list[Any] = field(default_factory=list)
    """What `on_start` began, so that it can be ended."""

    def on_start(
        self,
        studio: Studio,
        start: gr.Button,
        run: Callable[..., Any],
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        *,
        queue: str,
    ) -> None:
        """Let `start` begin `run`; meanwhile, and only then, the job can be cancelled.

        Args:
            run: a generator of what `outputs` hold.
            queue: jobs under the same name wait for each other.
        """
        quietly: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        start.click(
            lambda: (gr.Button(interactive=True), gr.HTML(visible=True), ""),
            None,
            [self.stop, self.status, self.cancelled],
            queue=False,
            **quietly,
        )
        event = start.click(
            until_cleared(run, lambda: [self.emptied.get(box, gr.skip()) for box in outputs]),
            [self.clears, *inputs],
            list(outputs),
            concurrency_id=queue,
            concurrency_limit=studio.settings.concurrency,
            api_visibility="private",
            show_progress_on=self.status,
        )
        self.events.append(event)
        event.then(lambda: gr.Button(interactive=False), None, self.stop, queue=False, **quietly)
        self.stop.click(
            lambda: (gr.Button(interactive=False), gr.HTML(visible=False), note("Cancelled.")),
            None,
            [self.stop, self.status, self.cancelled],
            cancels=[event],
            queue=False,
            **quietly,
        )

    def clear_on(self, cleared: Callable[..., Any], emptied: Mapping[Any, Any]) -> None:
        """End the job when inputs are cleared, and empty what it showed.

        Args:
            cleared: a component's `clear` event; call after `on_start`.
            emptied: components, and what each holds when it is empty.
        """

        self.emptied |= {self.status: gr.HTML("", visible=False), **emptied}

        def clear(clears: dict[str, int]) -> tuple[Any, ...]:
            clears["count"] += 1
            return gr.Button(interactive=False), "", *self.emptied.values()

        cleared(
            clear,
            self.clears,
            [self.stop, self.cancelled, *self.emptied],
            cancels=self.events,
            queue=False,
            api_visibility="private",
            show_progress="hidden",
        )


def controls(*labels: tuple[str, str]) -> Controls:
    """A row of buttons, the first of which stands out, then Cancel; under it an empty line.

    Args:
        labels: (text, elem_id) of each button.
    """
    with gr.Row():
        starts = [
            gr.Button(text, variant="secondary" if index else "primary", elem_id=elem_id)
            for index, (text, elem_id) in enumerate(labels)
        ]
        family = labels[0][1].partition("-")[0]
        stop = gr.Button(
            "Cancel", scale=0, min_width=120, interactive=False, elem_id=f"{family}-stop"
        )
    status, cancelled = (gr.HTML(elem_id=f"{family}-{name}") for name in ("status", "cancelled"))
    return Controls(starts, stop, status, cancelled, gr.State({"count": 0, "jobs": 0}))


def until_cleared(
    run: Callable[..., Iterator[Any]], emptied: Callable[[], Any]
) -> Callable[..., Iterator[Any]]:
    """`run` behind the visitor's clears: after the next one it ends and what it had is dropped.

    Gradio's own cancelling misses a job whose number the page hasn't been told yet. What was on its
    way to the page when it was cleared may arrive after that, so what the job says last is
    `emptied`, unless another one has begun meanwhile.
    """

    def guarded(clears: dict[str, int], *inputs: Any) -> Iterator[Any]:
        clears["jobs"] += 1
        count, job = clears["count"], clears["jobs"]
        for outputs in run(*inputs):
            if clears["count"] != count:
                break
            yield outputs
        if clears["count"] != count and clears["jobs"] == job:
            yield emptied()

    # Gradio reads from the signature where it is to put the progress.
    first = Parameter("clears", Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [first, *signature(run).parameters.values()]
    guarded.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return guarded
