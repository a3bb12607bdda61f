"""How the captions of each family of generators are written: a model follows best what reads like its training.

The sentences are ours, the facts the model authors'. Where they say nothing on length, the range is a guess of ours
and the comment says so.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class CaptionStyle:
    """One family's captions."""

    advice: str
    """For whoever writes one, in the second person."""
    words: tuple[int, int]
    """Fewest and most words to aim for."""


GENERAL = "general"

CAPTION_STYLES: dict[str, CaptionStyle] = {
    # Wan-Video/Wan2.1, wan/utils/prompt_extend.py: 80-100 words; looks, action, style and shot said; camera and motion
    # stressed; plain, direct verbs.
    "wan": CaptionStyle(
        "Write one paragraph in the present tense: who or what is seen and how it looks, what it does in simple verbs, "
        "the place, the visual style, then framing and camera movement. Let motion come out clearly.",
        (80, 100),
    ),
    # SkyworkAI/SkyReels-V2, skyreels_v2_infer/pipelines/prompt_enhancer.py: the order of parts, and that a still
    # subject wants a moving camera. Its one example has 57 words; the range is ours.
    "skyreels": CaptionStyle(
        "Begin with the size of the shot (a close-up of, a wide shot of). Go on with the subject and its looks, what "
        "changes over time, the surroundings, the light, and end with how the camera moves.",
        (50, 100),
    ),
    # Tencent-Hunyuan/HunyuanVideo-1.5, Prompt Handbook: subject, motion, scene, then shot, camera, light, style, mood;
    # the text encoder's own instruction in diffusers' HunyuanVideoPipeline names the same aspects. The range is ours.
    "hunyuan": CaptionStyle(
        "Go from the general to the particular: subject, its motion, the scene; then framing, camera movement, light, "
        "style and mood as far as they matter. Be objective, and say colours, shapes, sizes and places.",
        (50, 120),
    ),
    # zai-org/CogVideo, inference/convert_demo.py and README: trained on long captions, prompts are to be expanded; the
    # README's panda has 95 words, the 2B and 5B models read 226 tokens. The range is ours.
    "cogvideox": CaptionStyle(
        "Write one long, detailed paragraph in the present tense that follows the scene from its start to its end: "
        "looks and clothes, gestures, surroundings, light and atmosphere.",
        (60, 120),
    ),
    # Lightricks/LTX-Video and LTX-2, README: one flowing paragraph, begin with the action, then movements, looks,
    # background, camera, light and changes; at most 200 words. The lower end is ours.
    "ltx": CaptionStyle(
        "Write one flowing paragraph in the present tense, in the order of events, and begin with the main action. "
        "Then exact movements and gestures, looks, background, camera angle and movement, light and colours, and what "
        "changes suddenly. Be literal.",
        (60, 200),
    ),
    # No guide of the authors was found; the text encoder reads 256 tokens. Advice and range are ours.
    "mochi": CaptionStyle(
        "Write a detailed description as of real footage in the present tense: the subject, what it does, the place, "
        "the light and the camera.",
        (40, 100),
    ),
    # No guide of the authors was found; the pipeline reads 120 tokens. Advice and range are ours.
    "latte": CaptionStyle(
        "Write one or two short sentences like the caption of a stock video: subject, action, place.", (10, 40)
    ),
    # The instruction that diffusers' SanaVideoPipeline puts before a prompt: colours, shapes, sizes, textures, motion
    # and order in time for a plain prompt, little change to a detailed one. Its examples have 27 and 36 words.
    "sana": CaptionStyle(
        "Write one vivid sentence or two: colours, shapes, sizes, textures, how things move and in which order. "
        "Change little where the prompt is detailed already.",
        (25, 80),
    ),
    # agent/renderers/pocket_model/captions.jsonl: 9 to 28 words.
    "pocket": CaptionStyle(
        "Write short plain sentences such as: A red circle moves to the left on a black background. Name each shape "
        "with its colour, say where it moves (to the left, to the right, up, down) or that it stays still, then how "
        "two shapes lie to each other, then a black, white or gray background. Use no other words.",
        (9, 28),
    ),
    GENERAL: CaptionStyle(
        "Write one paragraph in the present tense: the subject and its looks, what it does from start to end, the "
        "place, the light, and the camera where it matters.",
        (40, 100),
    ),
}  # fmt: skip


def find_style(family: str) -> CaptionStyle:
    """The style of a renderer's family; the general one for a family that is not known."""
    return CAPTION_STYLES.get(family, CAPTION_STYLES[GENERAL])
