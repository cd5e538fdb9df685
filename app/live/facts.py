"""What a conversation tells about itself."""

import numpy as np

from app.live.call import Call
from app.work import Facts


def call_facts(call: Call) -> Facts:
    """Rates, losses, delay and cost, as far as this machine knows them."""
    facts: Facts = {"seconds": call.elapsed_s, "delay_ms": _delay_ms(call)}
    facts["cost_ms_median"], facts["cost_ms_p95"] = (
        float(np.percentile(call.costs_ms, share)) if call.costs_ms else 0.0 for share in (50, 95)
    )
    if talking := call.talking:
        facts["bitrate_kbps"] = talking.encoder.bitrate_kbps
        facts["sent_packets"], facts["sent_bytes"] = talking.num_packets, talking.num_bytes
        facts["dropped_packets"] = talking.num_lost
    if listening := call.listening:
        decoder, counts = listening.decoder, listening.buffer.counts
        facts["heard_packets"], facts["concealed_packets"] = (
            decoder.num_packets, decoder.num_concealed,
        )  # fmt: skip
        facts["repaired_packets"] = decoder.num_repaired
        if listening.receiver:
            facts["received_packets"], facts["late_packets"] = counts.received, counts.late
            facts["refused_packets"] = (
                counts.refused + listening.receiver.num_refused + decoder.num_refused
            )
            facts["buffered_packets"] = len(listening.buffer)
    return facts


def call_line(facts: Facts) -> str:
    """`call_facts` as a line of text."""
    parts = [f"{facts['seconds']:.1f} s", f"delay {facts['delay_ms']:.0f} ms"]
    if "bitrate_kbps" in facts:
        sent = facts["sent_packets"]
        loss = 100.0 * facts["dropped_packets"] / sent if sent else 0.0
        parts.append(f"{facts['bitrate_kbps']:g} kbps, {sent} packets sent, {loss:.1f} % lost")
    if "heard_packets" in facts:
        heard = facts["heard_packets"]
        share = 100.0 * facts["concealed_packets"] / heard if heard else 0.0
        parts.append(f"{heard} heard, {share:.1f} % concealed")
    if "buffered_packets" in facts:
        parts.append(f"{facts['buffered_packets']} in the jitter buffer")
    cost = f"{facts['cost_ms_median']:.1f} ms a packet (95 %: {facts['cost_ms_p95']:.1f})"
    return "; ".join([*parts, cost])


def _delay_ms(call: Call) -> float:
    """From microphone to headphones, without sound card and network."""
    total = call.talking.encoder.delay_ms if call.talking else 0.0
    if listening := call.listening:
        total += listening.decoder.delay_ms
        if listening.receiver:
            total += 1000.0 * call.packet_s * listening.buffer.depth
    return total
