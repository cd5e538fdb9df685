"""Ours against packages that others keep; each test skips where its package is missing."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from training.quantizers import QUANTIZERS
from training.quantizers.diveq import towards_codeword
from training.quantizers.rotation import rotate_and_scale

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def lucid():
    return pytest.importorskip("vector_quantize_pytorch", reason="vector-quantize-pytorch missing")


def test_rotation_is_theirs(lucid):
    from vector_quantize_pytorch.vector_quantize_pytorch import rotate_to

    results = []
    for turn in (rotate_to, rotate_and_scale):
        torch.manual_seed(0)
        x, hard, weight = torch.randn(3, 50, 8)
        x.requires_grad_()
        output = turn(x, hard)
        output.backward(weight)
        results.append((output.detach(), x.grad))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_simvq_is_theirs(lucid):
    theirs = lucid.SimVQ(dim=8, codebook_size=32, rotation_trick=False)
    ours = QUANTIZERS["simvq"](1, 32, 8)
    ours.codebooks.data[0] = theirs.frozen_codebook
    ours.transforms.data[0] = theirs.code_transform.weight.T
    latent = torch.randn(2, 8, 30)
    output, codes, loss = theirs(latent.transpose(1, 2))
    got = ours(latent)
    assert torch.equal(got.codes[:, 0], codes)
    torch.testing.assert_close(got.output.transpose(1, 2), output)
    torch.testing.assert_close(got.loss, loss)


def test_moving_average_is_theirs(lucid):
    torch.manual_seed(0)
    theirs = lucid.VectorQuantize(
        dim=4, codebook_size=8, decay=0.99, threshold_ema_dead_code=0, eps=1e-12
    )
    ours = QUANTIZERS["ema"](1, 8, 4)
    ours.average.restart_below = 0.0
    ours.codebooks.data[0] = theirs._codebook.embed[0]
    ours.average.sizes.copy_(theirs._codebook.cluster_size)
    for _ in range(50):
        latent = torch.randn(1, 4, 100)
        theirs(latent.transpose(1, 2))
        ours(latent)
    used = theirs._codebook.cluster_size[0] > 0.1
    torch.testing.assert_close(
        ours.codebooks[0][used], theirs._codebook.embed[0][used], rtol=1e-2, atol=1e-2
    )


def test_diveq_is_theirs():
    diveq = pytest.importorskip("diveq", reason="diveq missing")
    theirs = diveq.DIVEQDetach(32, 8, codebook_reset=False, uniform_init=False)
    theirs.codebook.data.normal_()
    x, weight = torch.randn(2, 50, 8)
    results = []
    for own in (True, False):
        latent = x.clone().requires_grad_()
        theirs.codebook.grad = None
        output, codes, _ = theirs(latent)
        output = towards_codeword(latent, theirs.codebook[codes], 0.0) if own else output
        output.backward(weight)
        results.append((output.detach(), latent.grad, theirs.codebook.grad))
    for ours, other in zip(*results, strict=True):
        torch.testing.assert_close(ours, other, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nsvq", "ema"])
def test_no_slower_than_residual_vq(lucid, name):
    """A training pass, 16 stages of 1024, 3,200 frames, one thread: the best of three, in turns."""
    torch.manual_seed(0)
    theirs = lucid.ResidualVQ(dim=128, num_quantizers=16, codebook_size=1024)
    ours, latent = QUANTIZERS[name](16, 1024, 128), torch.randn(4, 128, 800)
    rows, threads = latent.transpose(1, 2).contiguous(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seconds = [[_seconds(ours, latent), _seconds(theirs, rows)] for _ in range(4)]
    finally:
        torch.set_num_threads(threads)
    mine, other = torch.tensor(seconds[1:]).amin(0).tolist()
    print(f"forward, seconds: {mine:.3f} ours, {other:.3f} ResidualVQ, ratio {mine / other:.2f}")
    assert mine <= other


def _seconds(quantizer, latent):
    start = time.process_time()
    quantizer(latent)
    return time.process_time() - start


PEAK = """
import re, torch
torch.set_num_threads(1)
from vector_quantize_pytorch import ResidualVQ
from training.quantizers import QUANTIZERS
def status(key):
    return int(re.search(key + r":\\s+(\\d+)", open("/proc/self/status").read())[1])
quantizer, latent = {quantizer}, {latent}
open("/proc/self/clear_refs", "w").write("5")  # the high-water mark begins again
before = status("VmRSS")
quantizer(latent)
print(status("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nsvq", "ema"])
def test_memory_no_larger_than_residual_vq(lucid, name):
    """What the same pass adds to memory at most, each in a process of its own."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("no /proc/self/clear_refs to measure peak memory by")
    peaks_mb = []
    for quantizer, shape in (
        (f"QUANTIZERS[{name!r}](16, 1024, 128)", "4, 128, 800"),
        ("ResidualVQ(dim=128, num_quantizers=16, codebook_size=1024)", "4, 800, 128"),
    ):
        code = PEAK.format(quantizer=quantizer, latent=f"torch.randn({shape})")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        peaks_mb.append(int(done.stdout) / 1024)
    print(f"peak memory, MB: {peaks_mb[0]:.0f} ours, {peaks_mb[1]:.0f} ResidualVQ")
    assert peaks_mb[0] <= peaks_mb[1]
