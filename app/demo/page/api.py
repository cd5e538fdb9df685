"""The same functions for programs: endpoints that `gradio_client` calls by name.

They are events of components nobody sees, so uploads pass the same checks as the page's.
"""

from pathlib import Path
from typing import Any

import gradio as gr

from app.demo.bundles import Result, decode_one, describe_one, encode_one, trim_one
from app.demo.conversation import Call, calling, folded
from app.demo.studio import Studio, finish, plain_message
from codec.errors import CodecError
from codec.live import Redundancy


def build(studio: Studio) -> None:
    """Add the endpoints /encode, /decode, /trim, /info, /reconstruct and /call."""
    handlers = _Endpoints(studio)
    with gr.Row(visible=False):
        recording = gr.File(label="recording", type="filepath")
        code = gr.File(label="nsvq_file", type="filepath")
        kbps = gr.Number(label="bitrate_kbps", value=min(6.0, studio.rates_kbps[-1]))
        lower = gr.Number(label="bitrate_kbps", value=None)
        lost = gr.Number(label="lost_percent", value=10.0)
        burst = gr.Number(label="burst", value=2.0)
        copies = gr.Textbox(label="copies", value="0:0")
        file, sound = gr.File(label="nsvq_file"), gr.File(label="recording")
        facts, fire = gr.JSON(label="info"), gr.Button()
        table: list[tuple[str, Any, list[Any], list[Any]]] = [
            ("encode", handlers.encode, [recording, kbps], [file]),
            ("decode", handlers.decode, [code, lower], [sound]),
            ("trim", handlers.trim, [code, kbps], [file]),
            ("info", handlers.info, [code], [facts]),
            ("reconstruct", handlers.reconstruct, [recording, kbps], [sound, facts]),
            ("call", handlers.call, [recording, kbps, lost, burst, copies], [sound, facts]),
        ]
        for name, function, inputs, outputs in table:
            fire.click(
                function,
                inputs,
                outputs,
                api_name=name,
                concurrency_id="api",
                concurrency_limit=studio.settings.concurrency,
                api_description=function.__doc__,
            )


class _Endpoints:
    """What the endpoints do; a named error becomes the client's exception."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def encode(self, recording: str, bitrate_kbps: float) -> str:
        """A recording (wav, flac, ogg, mp3) as .nsvq at `bitrate_kbps` on average."""
        return _path(encode_one(self.studio, _given(recording), bitrate_kbps))

    def decode(self, nsvq_file: str, bitrate_kbps: float | None) -> str:
        """A .nsvq file as 16-bit WAV; at a lower rate if `bitrate_kbps` is given."""
        return _path(decode_one(self.studio, _given(nsvq_file), bitrate_kbps))

    def trim(self, nsvq_file: str, bitrate_kbps: float) -> str:
        """A .nsvq file cut down to `bitrate_kbps`, without the network."""
        return _path(trim_one(self.studio, _given(nsvq_file), bitrate_kbps))

    def info(self, nsvq_file: str) -> dict[str, str]:
        """What a .nsvq file holds."""
        try:
            return describe_one(self.studio, _given(nsvq_file))
        except CodecError as error:
            raise _refusal(plain_message(error)) from error

    def reconstruct(self, recording: str, bitrate_kbps: float) -> tuple[str, dict[str, Any]]:
        """A recording through the codec: the decoded WAV and what it cost."""
        try:
            clip = self.studio.open_clip(_given(recording))
            take = self.studio.decode_clip(clip, bitrate_kbps)
        except CodecError as error:
            raise _refusal(plain_message(error)) from error
        facts = {
            "seconds": clip.seconds,
            "bytes": len(take.data),
            "kbps": 8 * len(take.data) / clip.seconds / 1000,
            "encode_s": take.encode_s,
            "decode_s": take.decode_s,
        }
        return str(take.path), facts

    def call(
        self,
        recording: str,
        bitrate_kbps: float,
        lost_percent: float,
        burst: float,
        copies: str | None,
    ) -> tuple[str, dict[str, Any]]:
        """A recording's first minute as a call that loses packets: what is heard, what it cost.

        `copies` is STAGES:PACKETS, how much of each frame is repeated so many packets later.
        """
        studio, path = self.studio, _given(recording)
        try:
            call = Call(bitrate_kbps, lost_percent, burst, Redundancy.parse(copies or ""))
            with studio.recording(path) as (reader, blocks):
                sent = folded(studio, blocks, reader.info.sample_rate)
            target = studio.shelf.place(f"{path.stem} {lost_percent:g} percent lost.wav")
            heard = finish(calling(studio, sent, call, target))
        except CodecError as error:
            raise _refusal(plain_message(error)) from error
        facts = {
            "seconds": len(sent) / studio.codec.config.sample_rate,
            "kbps": heard.kbps,
            "copies_kbps": heard.copies_kbps,
            "packets": len(heard.lost),
            "lost": heard.num_lost,
            "repaired": heard.num_repaired,
            "delay_ms": heard.delay_ms,
        }
        return str(heard.path), facts


def _given(path: str | None) -> Path:
    if path is None:
        raise _refusal("No file was given.")
    return Path(path)


def _path(result: Result) -> str:
    if result.output is None:
        raise _refusal(result.note)
    return str(result.output)


def _refusal(text: str) -> gr.Error:
    return gr.Error(text, print_exception=False)
