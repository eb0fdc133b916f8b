import pytest
import torch

from motion_core.errors import MotionError, ShapeError
from motion_core.models.temporal import MotionModule, TemporalAttention
from motion_core.types import MotionField, Size
from motion_core.warp import WarpOperator
from motion_core.warp_attention import WarpAttention

SIZE = Size(4, 6)


def noise(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def seeded(make, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make().requires_grad_(False)


def carrying(frames=4, **given):
    return WarpAttention(WarpOperator(MotionField.after_reference(noise(frames - 1, 2, 32, 48) * 8)), **given)


def written_out(attention, sequence, rows, queried):
    """Attention as its formula says, over a sequence [N, M, C] with its table rows; queries at some of its places."""
    placed = sequence + attention.pos_encoder.pe[0, rows]
    queries = attention.to_q(placed[:, queried]).unflatten(-1, (attention.heads, -1)).transpose(1, 2)
    keys, values = (
        p(placed).unflatten(-1, (attention.heads, -1)).transpose(1, 2) for p in (attention.to_k, attention.to_v)
    )
    weights = (queries @ keys.transpose(-1, -2) / keys.shape[-1] ** 0.5).softmax(dim=-1)
    return attention.to_out[0]((weights @ values).transpose(1, 2).flatten(2))


@pytest.mark.parametrize("positions", ["interleaved", "shared"])
@pytest.mark.parametrize("batch", [1, 2])
def test_warped_keys_and_values_are_those_of_the_sequence_that_the_paper_writes(positions, batch):
    attention = seeded(lambda: TemporalAttention(16, heads=2, positions=7))
    cells = noise(batch * 24, 4, 16)
    warp = carrying(positions=positions)
    sequence, rows = warp.augmented(cells, SIZE)
    expected = written_out(attention, sequence, rows, queried=[0, 2, 4, 6])
    torch.testing.assert_close(attention(cells, SIZE, warp), expected, atol=1e-5, rtol=1e-4)


def test_the_sequence_is_z0_w1_z1_w2_z2_in_rows_0_to_2f_minus_2():
    cells, warp = noise(24, 4, 16), carrying()
    sequence, rows = warp.augmented(cells, SIZE)
    assert rows == [0, 1, 2, 3, 4, 5, 6]
    assert torch.equal(sequence[:, ::2], cells)
    picture = cells[:, 0].view(1, 4, 6, 16).permute(0, 3, 1, 2)
    warped = warp.operator(picture)[0].permute(2, 3, 0, 1).flatten(0, 1)
    assert torch.equal(sequence[:, 1::2], warped)
    assert carrying(positions="shared").augmented(cells, SIZE)[1] == [0, 1, 1, 2, 2, 3, 3]


def test_addition_adds_the_warped_reference_to_every_frame_but_the_first():
    attention = seeded(lambda: TemporalAttention(16, heads=2, positions=4))
    cells, warp = noise(24, 4, 16), carrying(fusion="addition")
    together = torch.cat([cells[:, :1], cells[:, 1:] + warp.carried(cells[:, 0], SIZE)], dim=1)
    torch.testing.assert_close(attention(cells, SIZE, warp), attention(together))


def test_no_fusion_is_plain_temporal_attention():
    attention = seeded(lambda: TemporalAttention(16, heads=2, positions=4))
    cells = noise(24, 4, 16)
    assert torch.equal(attention(cells, SIZE, carrying(fusion="none")), attention(cells))


@pytest.mark.parametrize(
    ("given", "most"), [({}, 4), ({"positions": "shared"}, 7), ({"fusion": "addition"}, 7), ({"fusion": "none"}, 7)]
)
def test_interleaving_halves_the_frames_that_find_a_place(given, most):
    attention = seeded(lambda: TemporalAttention(16, heads=2, positions=7))
    attention(noise(24, most, 16), SIZE, carrying(most, **given))
    with pytest.raises(ShapeError, match=r"knows 7 positions in time; this clip needs [89].*in windows"):
        attention(noise(24, most + 1, 16), SIZE, carrying(most + 1, **given))


@pytest.mark.parametrize("fusion", ["attention", "addition"])
@pytest.mark.parametrize("chunk", [1, 5, 100])
def test_cells_in_portions_give_the_same(chunk, fusion):
    module = seeded(lambda: MotionModule(32, heads=8, positions=8))
    hidden, warp = noise(8, 32, 4, 6), carrying(fusion=fusion)
    torch.testing.assert_close(module(hidden, 4, warp=warp, chunk=chunk), module(hidden, 4, warp=warp))


def test_a_cell_sees_the_reference_at_the_place_it_comes_from():
    module = seeded(lambda: MotionModule(32, heads=8, positions=8))
    module.temporal_transformer.norm = torch.nn.Identity()  # the norm looks at the whole frame, as it should
    module.temporal_transformer.transformer_blocks[0].attention_blocks = module.temporal_transformer.transformer_blocks[
        0
    ].attention_blocks[:1]
    right_by_two = MotionField.after_reference(torch.tensor([2.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 4, 6).clone())
    module.temporal_transformer.transformer_blocks[0].norms = module.temporal_transformer.transformer_blocks[0].norms[
        :1
    ]
    hidden = noise(2, 32, 4, 6).requires_grad_(True)
    module(hidden, 2, warp=WarpAttention(WarpOperator(right_by_two)))[1, :, 1, 4].sum().backward()
    reached = hidden.grad.abs().sum(dim=1) > 0
    assert reached[0].nonzero().tolist() == [[1, 2], [1, 4]]  # where it comes from, and its own place
    assert reached[1].nonzero().tolist() == [[1, 4]]


def test_the_samples_of_a_batch_are_warped_by_themselves():
    module = seeded(lambda: MotionModule(32, heads=8, positions=8))
    clips, warp = noise(3, 4, 32, 4, 6), carrying()
    together = module(clips.flatten(0, 1), 4, warp=warp)
    apart = torch.cat([module(clip, 4, warp=warp) for clip in clips])
    torch.testing.assert_close(together, apart)


def test_a_field_of_other_frames_is_refused():
    module = seeded(lambda: MotionModule(32, heads=8, positions=32))
    with pytest.raises(ShapeError, match=r"clip has 3 frames and its motion field 4.*Re-time"):
        module(noise(3, 32, 4, 6), 3, warp=carrying())


def test_cells_of_another_grid_are_refused():
    with pytest.raises(ShapeError, match=r"multiple of 24; got 25"):
        carrying().carried(noise(25, 16), SIZE)


@pytest.mark.parametrize("given", [{"fusion": "magic"}, {"positions": "random"}])
def test_unknown_ways_are_refused(given):
    with pytest.raises(MotionError, match=r"attention, addition, none .* interleaved, shared; got"):
        carrying(**given)
