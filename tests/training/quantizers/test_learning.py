"""How codewords learn: usage, replacement, moving averages, offline fitting, k-means."""

import math

import pytest
import torch

from training.quantizers import QUANTIZERS
from training.quantizers.cells import MovingAverage
from training.quantizers.initialisation import kmeans
from training.quantizers.replacement import (
    REPLACEMENTS,
    paper_rule,
    proportional_rule,
    replace_unused,
)
from training.quantizers.usage import perplexity, used_share


def test_perplexity_and_used_share():
    counts = torch.tensor([[1.0, 1.0, 1.0, 1.0], [9.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(perplexity(counts), torch.tensor([4.0, 1.0, 0.0]))
    assert used_share(counts).tolist() == [1.0, 0.25, 0.0]
    skewed = perplexity(torch.tensor([3.0, 1.0]))
    assert math.isclose(
        skewed, math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)), rel_tol=1e-6
    )


def test_usage_counts_batches_and_occurrences():
    quantizer = QUANTIZERS["nsvq"](1, 2, 1)
    quantizer.codebooks.data[0] = torch.tensor([[0.0], [10.0]])
    for values in ([0.0, 1.0, 9.0], [0.0, 0.0, 0.0]):
        quantizer(torch.tensor([[values]]))
    assert quantizer.usage.occurrences.tolist() == [[5.0, 1.0]]
    assert quantizer.usage.over_ranks()[1].tolist() == [[1.0, 0.5]]
    quantizer.eval()(torch.zeros(1, 1, 3))
    assert quantizer.usage.occurrences.sum() == 6


def test_the_papers_rule_uses_every_used_codeword_alike():
    share = torch.tensor([0.5, 0.0, 0.009, 1.0] + [0.0] * 7)
    unused, sources = paper_rule(share, share, threshold=0.01)
    assert unused.tolist() == [1, 2, 4, 5, 6, 7, 8, 9, 10]
    assert sorted(sources.tolist())[3:6] in ([0, 3, 3], [0, 0, 3])  # 4 of one, 5 of the other
    assert set(sources.tolist()) == {0, 3}


def test_the_proportional_rule_splits_the_busy_ones():
    torch.manual_seed(0)
    counts = torch.cat([torch.tensor([900.0, 100.0]), torch.zeros(1000)])
    unused, sources = proportional_rule(counts, counts)
    assert unused.tolist() == list(range(2, 1002))
    assert (sources == 0).float().mean().item() == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize("rule", REPLACEMENTS)
@pytest.mark.parametrize("counts", [[3.0, 3.0], [0.0, 0.0]])
def test_nothing_to_replace_or_nothing_to_replace_by(rule, counts):
    counts = torch.tensor(counts)
    unused, sources = REPLACEMENTS[rule](counts, counts)
    assert len(unused) == len(sources) == 0


@pytest.mark.parametrize("rule", REPLACEMENTS)
@pytest.mark.parametrize("name", ["nsvq", "ema"])
def test_replacement_touches_only_unused(rule, name):
    torch.manual_seed(0)
    quantizer = QUANTIZERS[name](2, 64, 4)
    quantizer.average.restart_below = 0.0
    for _ in range(20):
        quantizer(0.3 * torch.randn(1, 4, 10))
    used = quantizer.usage.occurrences > 0
    before = quantizer.codebooks.detach().clone()
    replaced = quantizer.replace(rule, threshold=1e-6)
    assert torch.equal(replaced, ~used)
    assert torch.equal(quantizer.codebooks[used], before[used])
    moved = (quantizer.codebooks != before).any(2)
    assert torch.equal(moved, replaced)
    for stage in range(2):  # every new one lies beside one in use
        distance = torch.cdist(quantizer.codebooks[stage][~used[stage]], before[stage][used[stage]])
        assert distance.amin(1).max() < 0.1
    assert quantizer.usage.occurrences.sum() == 0


def test_a_stage_that_coded_little_is_not_judged_yet():
    quantizer = QUANTIZERS["nsvq"](2, 8, 4)
    few, many = torch.tensor([1]), torch.tensor([2])  # the second stage sees half of the batches
    for number in range(16):
        quantizer(torch.randn(1, 4, 10), few if number % 2 else many)
    counted = quantizer.usage.occurrences.sum(1)
    assert counted.tolist() == [160, 80]
    replaced = quantizer.replace(threshold=1e9, window=15)
    assert not replaced[1].any()
    assert quantizer.usage.occurrences.sum(1).tolist() == [0, 80]


def test_late_stages_remember_longer():
    average = QUANTIZERS["ema"](2, 64, 4).average
    counts = torch.tensor([64.0, 1.0])
    for stage in range(2):
        codes = torch.zeros(int(counts[stage]), dtype=torch.long)
        average.collect(torch.ones(len(codes), 4), codes, torch.bincount(codes, minlength=64))
    codebooks = torch.zeros(2, 64, 4)
    before = average.sizes.clone()
    average.move(codebooks)
    kept = average.sizes[:, 1] / before[:, 1]
    assert kept.tolist() == pytest.approx([0.99, 1.0 - 1.0 / (20 * 64)])


def test_jitter_parts_twins():
    codebook = torch.randn(8, 4)
    replace_unused(codebook, (torch.tensor([1, 2]), torch.tensor([0, 0])), 1e-2)
    assert 0 < (codebook[1] - codebook[2]).norm() < 0.5


def test_moving_average_is_that_of_sizes_and_sums():
    torch.manual_seed(0)
    codebook = torch.randn(5, 3)
    average = MovingAverage(1, 5, 0.0)
    sizes, sums = torch.ones(5), codebook.clone()
    for _ in range(30):
        vectors, codes = torch.randn(20, 3), torch.randint(0, 4, (20,))  # 4 is never used
        counts = torch.bincount(codes, minlength=5).float()
        average.collect(vectors, codes, counts)
        average.move(codebook.unsqueeze(0))
        sizes = 0.99 * sizes + 0.01 * counts
        sums = 0.99 * sums + 0.01 * torch.zeros(5, 3).index_add_(0, codes, vectors)
        torch.testing.assert_close(codebook, sums / sizes[:, None])


def test_moving_average_restarts_what_is_hardly_used():
    torch.manual_seed(0)
    quantizer = QUANTIZERS["ema"](1, 8, 2)
    quantizer.codebooks.data[0, 3:] = 100.0 + torch.randn(5, 2)
    for _ in range(600):
        quantizer(torch.randn(1, 2, 64))
    assert quantizer.codebooks.abs().max() < 5
    assert used_share(quantizer.usage.occurrences).item() == 1.0


def test_nsvq_can_learn_by_moving_average():
    torch.manual_seed(0)
    quantizer = QUANTIZERS["nsvq"](2, 16, 4, learning="ema")
    latent = 2.0 + torch.randn(1, 4, 200, requires_grad=True)
    quantizer.initialise(latent)
    quantizer.codebooks += 1.0
    before = quantizer(latent).loss
    for _ in range(300):
        got = quantizer(latent)
    assert got.loss < 0.7 * before
    assert not torch.equal(got.output, got.hard)
    quantizer.learn_by("gradient")
    assert quantizer.codebooks.requires_grad


def test_kmeans_finds_clusters():
    torch.manual_seed(0)
    centres = 20 * torch.randn(6, 3)
    vectors = centres.repeat(50, 1) + 0.1 * torch.randn(300, 3)
    found = kmeans(vectors, 12)
    assert torch.cdist(centres, found).amin(1).max() < 0.5


def test_kmeans_of_fewer_vectors_than_codewords():
    assert kmeans(torch.randn(3, 2), 8).isfinite().all()
