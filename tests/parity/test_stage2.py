"""Stage 2 against recorded outputs of the authors' code, through the real loading of published files.

Under guidance the authors' warp mixes the two samples of a batch by mistake. What is compared here is the intent, each
sample with its own reference, which is what their code does with a batch of one.
"""

import pytest
import torch
from einops import rearrange
from safetensors.torch import load_file

from motion_core.checkpoints import load_image_vae
from motion_core.models.temporal import MotionModule
from motion_core.renderer import Renderer
from motion_core.sampling import Sampling
from motion_core.selective_noising import frame_times
from motion_core.stable_diffusion import RENDERER_RANGE, picture_latent
from motion_core.types import MotionField, Size
from motion_core.warp import WarpOperator
from motion_core.warp_attention import WarpAttention
from tests import miniature
from tests.recorded import CASES, HERE, agrees, recorded

SHARED = load_file(HERE / "cases" / "shared_flows.safetensors")
UNETS = [name for name in CASES if name.startswith("s2_unet")]


@pytest.fixture(scope="module")
def unet():
    return miniature.renderer().unet


@pytest.fixture(scope="module")
def module():
    network = MotionModule(32, heads=8, positions=32)
    network.load_state_dict(miniature.state_dict("stage2_motion_module"), strict=True)
    return network.requires_grad_(False)


def carrying(displacement):
    """displacement: [F, 2, H, W] as recorded, where frame 0 may hold anything."""
    return WarpAttention(WarpOperator(MotionField.after_reference(displacement[1:])))


def field_of(name, arrays):
    """What the case was moved by: its own field, a shared one cut to its frames, or none at all; [F, 2, H, W]."""
    shared = (CASES[name].get("flow") or "").partition("[")[0]
    if "in.flow_pre" in arrays:
        return arrays["in.flow_pre"][0]
    field = SHARED[shared] if shared else torch.zeros(16, 2, 64, 96)
    return field[: CASES[name].get("frames")]


@pytest.mark.parametrize("chunk", [None, 3])
@pytest.mark.parametrize("name", ["s2_module_b1", "s2_module_b1_L9"])
def test_one_motion_module(module, name, chunk):
    arrays = recorded(name)
    hidden = rearrange(arrays["in.hidden_states"], "1 c f h w -> f c h w")
    moved = module(hidden, len(hidden), warp=carrying(arrays["in.flow_pre"][0]), chunk=chunk)
    agrees(rearrange(moved, "f c h w -> 1 c f h w"), name, "out.hidden_states", arrays)


def test_each_sample_of_a_batch_is_warped_by_itself(module):
    name = "s2_module_b2_official"
    arrays = recorded(name)
    moved = [
        module(rearrange(hidden, "c f h w -> f c h w"), 16, warp=carrying(displacement))
        for hidden, displacement in zip(arrays["in.hidden_states"], arrays["in.flow_pre"], strict=True)
    ]
    agrees(rearrange(moved, "b f c h w -> b c f h w"), name, "out.hidden_states_unmixed", arrays)


def test_the_steps_inside_a_motion_module(module):
    name = "s2_module_b1"
    arrays = recorded(name)
    transformer = module.temporal_transformer
    block = transformer.transformer_blocks[0]
    hidden = rearrange(arrays["in.hidden_states"], "1 c f h w -> f c h w")
    size, warp = Size.of(hidden), carrying(arrays["in.flow_pre"][0])
    resized = warp.operator.field.resized(size).displacement[1:]
    agrees(resized, name, "probe.block0.flow_resized_scaled", arrays)
    cells = transformer.proj_in(rearrange(transformer.norm(hidden), "f c h w -> (h w) f c"))
    agrees(cells.transpose(0, 1), name, "probe.proj_in", arrays)
    normed = block.norms[0](cells)
    agrees(normed.transpose(0, 1), name, "probe.block0.norm", arrays)
    warped = rearrange(warp.carried(normed[:, 0], size), "(h w) f c -> f c h w", h=size.height)
    agrees(warped, name, "probe.block0.warped", arrays)
    sequence, rows = warp.augmented(normed, size)
    attention = block.attention_blocks[0]
    agrees(sequence + attention.pos_encoder.pe[0, rows], name, "probe.block0.sequence_plus_pe", arrays)
    agrees(attention(normed, size, warp).transpose(0, 1), name, "probe.block0.attention", arrays)


@pytest.mark.parametrize("chunk", [None, 5])
@pytest.mark.parametrize("name", UNETS)
def test_one_pass_of_the_network(unet, name, chunk):
    arrays = recorded(name)
    frames = arrays["in.sample"].shape[2]
    warp = carrying(field_of(name, arrays))
    times = frame_times(arrays["in.timestep"], frames)
    for half, text in zip(("uncond", "cond"), arrays["in.text"].split(1), strict=True):
        agrees(unet(arrays["in.sample"], times, text, warp=warp, chunk=chunk), name, f"out.sample_{half}_b1", arrays)
    both = unet(arrays["in.sample"].expand(2, -1, -1, -1, -1), times, arrays["in.text"], warp=warp, chunk=chunk)
    agrees(both[:1], name, "out.sample_uncond_b1", arrays)
    agrees(both[1:], name, "out.sample_cond_b1", arrays)


def test_the_reference_has_the_time_of_a_clean_frame(unet):
    name = "s2_unet_t501_probes"
    arrays = recorded(name)
    context = unet.context(arrays["in.sample"], frame_times(arrays["in.timestep"], 5), arrays["in.text"][1:], None)
    agrees(context.embedding.view_as(arrays["probe.emb"]), name, "probe.emb", arrays)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("name", ["s2_loop_unmixed", "s2_loop_brush_unmixed"])
def test_the_whole_loop_from_picture_text_and_field_to_latents(unet, tmp_path, name, together):
    case, arrays = CASES[name], recorded(name)
    torch.save(miniature.state_dict("vae_img"), tmp_path / "vae_img.bin")
    vae = load_image_vae(tmp_path / "vae_img.bin")
    reference = picture_latent(
        vae, arrays["in.image01"], value_range=RENDERER_RANGE, noise=arrays["in.image_posterior_noise"]
    )
    negative, positive = arrays["in.text"].split(1)
    region = 1 - arrays["in.brush_mask"][0, 0, 0] if "in.brush_mask" in arrays else None
    after_steps = []
    latents = Renderer(unet).render(
        reference,
        MotionField.after_reference(field_of(name, arrays)[1:]),
        positive,
        negative,
        generator=torch.Generator(),
        noise=arrays["in.initial_latents"],
        region=region,
        sampling=Sampling(steps=case["steps"], guidance=case["guidance_scale"], together=together),
        on_step=lambda step: after_steps.append(step.latents[:, :, 1:]),
    )
    agrees(torch.stack(after_steps), name, "out.latents_per_step_frames_1_to_15", arrays)
    agrees(latents, name, "out.final_latents", arrays)
