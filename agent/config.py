"""The settings of a run: one tree that is the config file, the command-line flags and the saved config.json.

Every leaf's name is its flag (`stop.max_iterations` is `--max-iterations`); where the bare name would not say enough,
or is taken, the field names its flag itself. Secrets are no settings: keys come from the environment only.
"""

from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, field_validator, model_validator

from agent.caption_styles import CAPTION_STYLES
from agent.standings import Selection, SelectionRule
from feedback.defaults import CONSISTENCY_MODEL, REWARD_MODEL, SIMILARITY_MODEL

LEAST_DRAFT_RENDERS = 4


class Settings(BaseModel):
    """A branch of the tree: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _flag(name: str) -> dict[str, Any]:
    return {"flag": name}


def _without_secret(what: str, url: str | None) -> str | None:
    parts = urlsplit(url or "")
    if parts.username or parts.password or parts.query:
        raise ValueError(f"{what} must hold no user, password or query: it is written to disk")
    return url


class RetrieveConfig(Settings):
    """Which modifiers the rewriter gets."""

    graph: str = Field(
        default="auto",
        description="Relation graph folder; 'auto' fits the renderer, 'starter' is the general one, 'none' is off.",
    )
    embedder: str = Field(default="auto", description="Sentence encoder: auto, hashing, minilm, a hub id or a path.")
    modifiers_per_kind: int = Field(
        default=5, ge=1, le=50, description="Modifiers of each kind that are retrieved at most."
    )


class RewriteConfig(Settings):
    """Who writes new candidates."""

    rewriter: str = Field(
        default="rules",
        description="rules, llm, distilled, the folder or http URL of a distilled rewriter, or your own "
        "'package.module:Class'.",
    )
    candidates: int = Field(default=2, ge=1, le=16, description="New candidates in each iteration.")
    base_url: str | None = Field(
        default=None,
        description="OpenAI-compatible server of the rewriter; keys come from the environment.",
        json_schema_extra=_flag("rewriter-base-url"),
    )
    model: str | None = Field(
        default=None,
        description="The rewriter's model: its name on the server; without one, a hub id or folder.",
        json_schema_extra=_flag("rewriter-model"),
    )
    engine: Literal["auto", "endpoint", "transformers", "vllm"] = Field(
        default="auto",
        description="What runs the model: an endpoint, or this process; auto is the endpoint if there is one, "
        "else transformers.",
        json_schema_extra=_flag("rewriter-engine"),
    )
    revision: str | None = Field(
        default=None,
        description="Revision of the model on the hub, in this process.",
        json_schema_extra=_flag("rewriter-revision"),
    )
    device: str = Field(
        default="auto",
        description="Where transformers runs the model: auto, cpu, cuda, cuda:1, …",
        json_schema_extra=_flag("rewriter-device"),
    )
    dtype: str = Field(
        default="auto",
        description="auto, bfloat16, float16 or float32, in this process.",
        json_schema_extra=_flag("rewriter-dtype"),
    )
    adapter: str | None = Field(
        default=None,
        description="Folder of a LoRA adapter over the model, in this process.",
        json_schema_extra=_flag("rewriter-adapter"),
    )
    temperature: float = Field(default=0.7, ge=0.0, le=2.0, description="Of the rewriter's sampling.")
    max_tokens: int = Field(default=512, ge=16, description="Longest reply of the rewriter, in tokens.")
    timeout_seconds: float = Field(default=60.0, gt=0.0, description="Longest wait for one reply of an endpoint.")
    word_limit: int = Field(default=120, ge=5, description="Longest candidate, in words.")
    target_lang: str = Field(
        default="en", description="Language of the candidates: a code such as en or zh, or auto, the prompt's own."
    )
    caption_style: str = Field(
        default="auto", description="How the generator's captions are written: wan, ltx, …; auto is the renderer's own."
    )
    trigger_words: list[str] = Field(
        default=[], description="Words of a LoRA that every candidate keeps letter by letter."
    )
    compose: Literal["one_call", "stepwise"] = Field(
        default="one_call",
        description="How modifiers are worked in: in one call, or one kind a call and then the caption style.",
    )
    critique: bool | None = Field(
        default=None,
        description="On: one call before each refinement that says what to change, item by item. Unset: the rewriter "
        "sees what feedback measured. Off: it sees scores alone.",
    )
    remember: bool = Field(
        default=True,
        description="Show the rewriter all earlier texts and what each question came to; without memory it sees the "
        "leader alone.",
    )
    templates: str | None = Field(
        default=None, description="Folder with prompts of your own; `retake prompts init DIR` writes ours there."
    )
    strict: bool = Field(default=False, description="Stop when the rewriter fails, instead of letting the rules write.")

    @model_validator(mode="before")
    @classmethod
    def _place_names_a_distilled_one(cls, given: Any) -> Any:
        """A folder or URL alone is all that a person has to say."""
        named = given.get("rewriter") if isinstance(given, dict) else None
        if not isinstance(named, str) or named in ("", "rules", "llm", "distilled"):
            return given
        is_url = named.startswith(("http://", "https://"))
        if not is_url and "/" not in named and not Path(named).is_dir():
            return given
        place, flag = ("base_url", "--rewriter-base-url") if is_url else ("model", "--rewriter-model")
        if given.get(place) not in (None, named):
            raise ValueError(f"--rewriter and {flag} name two places: leave {flag} out")
        return given | {"rewriter": "distilled", place: named}

    @field_validator("base_url")
    @classmethod
    def _holds_no_secret(cls, url: str | None) -> str | None:
        return _without_secret("the rewriter's base_url", url)

    @field_validator("caption_style")
    @classmethod
    def _is_known_style(cls, style: str) -> str:
        if style not in ("auto", *CAPTION_STYLES):
            raise ValueError(f"unknown caption style {style!r}; known: auto, {', '.join(CAPTION_STYLES)}")
        return style

    @model_validator(mode="after")
    def _model_fits_engine(self) -> Self:
        if not self.asks_model:
            return self
        what = "a hub id or folder" if self.rewriter == "llm" else "the folder that `retake distill` made"
        if not self.model:
            raise ValueError(
                f"rewriter {self.rewriter!r} needs --rewriter-model: {what}, or with --rewriter-base-url its name there"
            )
        if self.rewriter == "distilled" and (self.adapter or self.revision):
            raise ValueError(
                "a distilled rewriter's folder says which model and adapter it is: leave --rewriter-adapter and "
                "--rewriter-revision out"
            )
        if self.engine == "endpoint" and not self.base_url:
            raise ValueError("--rewriter-engine endpoint needs --rewriter-base-url")
        if self.engine in ("transformers", "vllm") and self.base_url:
            raise ValueError(
                f"--rewriter-engine {self.engine} runs the model in this process and asks no server: "
                "leave --rewriter-base-url out"
            )
        if self.resolved_engine == "endpoint" and self.adapter:
            raise ValueError(
                "a server lays adapters over its models itself: --rewriter-model is the adapter's name there, "
                "and --rewriter-adapter is left out"
            )
        for name, given in (("revision", self.revision), ("device", self.device), ("dtype", self.dtype)):
            if self.resolved_engine == "endpoint" and given not in (None, "auto"):
                raise ValueError(f"--rewriter-{name} is for a model in this process; a server has its own")
        if self.engine == "vllm" and self.device != "auto":
            raise ValueError("vLLM takes the GPU that CUDA_VISIBLE_DEVICES names: leave --rewriter-device out")
        return self

    @property
    def asks_model(self) -> bool:
        """Whether the rewriter is a language model that these settings name."""
        return self.rewriter in ("llm", "distilled")

    @property
    def resolved_engine(self) -> Literal["endpoint", "transformers", "vllm"]:
        """What runs the rewriter's model."""
        if self.engine != "auto":
            return self.engine
        return "endpoint" if self.base_url else "transformers"


class PrinciplesConfig(Settings):
    """What holds texts to the principles, harmless, accurate and helpful, before anything is rendered."""

    by: Literal["rules", "model", "off"] = Field(
        default="rules",
        description="What keeps prompt and candidates harmless and accurate: rules, or rules with a prompt that has to "
        "be softened in the rewriter's words; or off.",
        json_schema_extra=_flag("principles"),
    )
    judge_text: bool = Field(
        default=False,
        description="The rewriter's model judges each candidate by the principles, one call each; what breaks one is "
        "dropped.",
    )


class RenderConfig(Settings):
    """What makes the videos, and how. None is the renderer's own default."""

    renderer: str = Field(
        default="pocket", description="pocket, diffusers, painter, server, comfyui, or your own 'package.module:Class'."
    )
    model: str | None = Field(
        default=None,
        description="Model id or folder, which diffusers renders unless --renderer is said; for pocket a folder of its "
        "kind; for server one it serves.",
    )
    revision: str | None = Field(default=None, description="Revision of the model on the hub.")
    seeds: int = Field(
        default=2, ge=1, le=64, description="Most seeds on which a candidate is compared with others; the same for all."
    )
    width: int | None = Field(default=None, ge=16, le=4096, description="In pixels.")
    height: int | None = Field(default=None, ge=16, le=4096, description="In pixels.")
    num_frames: int | None = Field(default=None, ge=1, le=2048, description="Frames of a clip.")
    fps: float | None = Field(default=None, gt=0.0, le=240.0, description="Frames per second.")
    num_inference_steps: int | None = Field(default=None, ge=1, le=1000, description="Denoising steps.")
    guidance_scale: float | None = Field(default=None, ge=0.0, le=100.0, description="Classifier-free guidance.")
    negative_prompt: str | None = Field(default=None, description="What must not appear, for renderers that take it.")
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1, …")
    dtype: str = Field(default="auto", description="auto, bfloat16, float16 or float32.")
    offload: Literal["none", "model", "sequential", "group"] = Field(
        default="none", description="Keeps parts of the model off the GPU."
    )
    vae_tiling: bool = Field(default=False, description="Decodes in tiles: less memory, slightly other pixels.")
    lora: list[str] = Field(
        default=[], description="LoRA adapters for diffusers, each an id or folder with or without :weight."
    )
    concurrency: int = Field(
        default=1, ge=1, le=64, description="Renders under way at a time; more than 1 suits servers only."
    )
    base_url: str | None = Field(
        default=None,
        description="Where the server or ComfyUI is; its key comes from RETAKE_RENDER_API_KEY.",
        json_schema_extra=_flag("render-base-url"),
    )
    dialect: Literal["auto", "vllm-omni", "sglang", "fastvideo"] = Field(
        default="auto", description="What kind of video server it is.", json_schema_extra=_flag("render-dialect")
    )
    workflow: str | None = Field(default=None, description="ComfyUI workflow in API format, with slots.")
    timeout_seconds: float = Field(
        default=1800.0,
        gt=0.0,
        description="Longest wait for one clip of a server, its queue included.",
        json_schema_extra=_flag("render-timeout"),
    )

    @field_validator("base_url")
    @classmethod
    def _holds_no_secret(cls, url: str | None) -> str | None:
        return _without_secret("the renderer's base_url", url)

    @model_validator(mode="before")
    @classmethod
    def _model_names_its_renderer(cls, given: Any) -> Any:
        """A model alone is one of diffusers: `--model ID` is all that a person has to say."""
        if isinstance(given, dict) and given.get("model") and not given.get("renderer"):
            return given | {"renderer": "diffusers"}
        return given


class DraftConfig(Settings):
    """Cheaper renders while the loop searches; its leaders are rendered in full at the end."""

    enabled: bool = Field(
        default=False,
        description="Render candidates as cheaper drafts, and the leaders in full at the end.",
        json_schema_extra=_flag("draft"),
    )
    steps: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Denoising steps of a draft; unset is half of the full render's.",
        json_schema_extra=_flag("draft-steps"),
    )
    step_cache: float | None = Field(
        default=None,
        gt=0.0,
        le=1.0,
        description="Threshold of the step cache in drafts, for diffusers models that can; unset is off.",
        json_schema_extra=_flag("draft-step-cache"),
    )
    promote: int = Field(
        default=3,
        ge=2,
        le=16,
        description="Candidates that are rendered in full at the end, the original among them.",
        json_schema_extra=_flag("draft-promote"),
    )


class AssessConfig(Settings):
    """Who looks at the videos."""

    sources: list[str] = Field(
        default=["alignment", "spatial", "temporal", "motion"],
        min_length=1,
        description="Feedback sources, by name or 'package.module:Class'.",
    )
    judge: str = Field(
        default="shapes",
        description="Answers the checklist's questions: shapes, critic, vlm, vlm-endpoint, or your own "
        "'package.module:Class'.",
    )
    judge_model: str | None = Field(
        default=None, description="Vision language model: hub id or folder, for vlm; its name there, for vlm-endpoint."
    )
    judge_revision: str | None = Field(default=None, description="Revision of the judge's model on the hub, for vlm.")
    judge_device: str = Field(default="auto", description="Where vlm runs: auto, cpu, cuda, cuda:1, …")
    judge_base_url: str | None = Field(
        default=None, description="OpenAI-compatible server of vlm-endpoint; keys come from the environment."
    )
    judge_words: int = Field(
        default=3, ge=0, le=32, description="Failed questions of a clip of which vlm judges say what is seen instead."
    )
    detector: str = Field(
        default="shapes",
        description="Finds the things that the prompt names: shapes, zero-shot, none, or your own.",
    )
    detector_model: str | None = Field(
        default=None, description="Zero-shot detection model of transformers, for zero-shot: hub id or folder."
    )
    detector_threshold: float | None = Field(
        default=None, ge=0.0, le=1.0, description="Least confidence of a detection; unset is the model's own."
    )
    similarity_model: str = Field(
        default=SIMILARITY_MODEL,
        description="Encoder of the source similarity: CLIP, SigLIP or X-CLIP by hub id or folder, or histogram.",
    )
    consistency_model: str = Field(
        default=CONSISTENCY_MODEL,
        description="Encoder of the source consistency: DINO, CLIP or SigLIP by hub id or folder, or histogram.",
    )
    reward_model: str = Field(default=REWARD_MODEL, description="Model of the source videoscore2: hub id or folder.")
    reward_template: str | None = Field(
        default=None, description="File with the instruction for the reward model, in its authors' own words."
    )
    physics_rule: str | None = Field(
        default=None, description="The law that the source physics holds clips to; unset asks the language model."
    )
    physics_rules: str | None = Field(
        default=None, description="CSV with the columns captions,phys_law: the laws of many prompts."
    )
    device: str = Field(
        default="auto",
        description="Where detector, encoders and reward models run: auto, cpu, cuda, cuda:1, …",
        json_schema_extra=_flag("assess-device"),
    )
    weights: dict[str, NonNegativeFloat] = Field(
        default={}, description="Weight of a source in scores and ranks; 1 unless given.", json_schema_extra=_flag("")
    )

    @field_validator("judge_base_url")
    @classmethod
    def _holds_no_secret(cls, url: str | None) -> str | None:
        return _without_secret("the judge's base URL", url)


class SearchConfig(Settings):
    """How the loop spends its renders."""

    strategy: Literal["refine", "evolve", "best_of_n"] = Field(
        default="refine",
        description="refine mends the leader's words; evolve breeds from the best candidates; best_of_n renders the "
        "prompt alone on as many seeds as the budget holds, the control that a search must beat.",
    )


class SelectConfig(Settings):
    """By what the leader is chosen."""

    rule: SelectionRule = Field(
        default="average_rank",
        description="By average rank over the dimensions, by overall score, or among those that no other dominates.",
        json_schema_extra=_flag("select"),
    )
    gate: bool = Field(
        default=True,
        description="Keep candidates that show less of what was asked than the prompt itself from leading.",
    )


class StopConfig(Settings):
    """When the loop ends."""

    max_iterations: int = Field(default=4, ge=0, le=100, description="Refinements after the first candidates.")
    max_renders: int = Field(default=64, ge=1, description="Renders in all, those of the verification included.")
    score_threshold: float = Field(
        default=0.98, ge=0.0, le=1.0, description="Good enough: the champion's overall score."
    )
    min_delta: float = Field(default=0.005, ge=0.0, le=1.0, description="What counts as an improvement of the score.")
    patience: int = Field(default=2, ge=1, description="Iterations without improvement before the loop gives up.")
    unreachable_wordings: int = Field(
        default=3,
        ge=0,
        description="A question that held in no render is given up after so many different wordings; 0 is never.",
    )
    unreachable_renders: int = Field(default=4, ge=1, description="And after so many renders at least.")
    time_limit: float | None = Field(default=None, gt=0.0, description="In seconds, from the start of this process.")
    max_tokens_spent: int | None = Field(
        default=None,
        ge=1,
        description="Tokens of the rewriter, in and out, as its server counts them.",
        json_schema_extra=_flag("token-limit"),
    )


class VerifyConfig(Settings):
    """How the gain is checked on unseen seeds."""

    seeds: int | None = Field(
        default=None,
        ge=0,
        le=256,
        description="Unseen seeds for champion and original; 0 is off; unset is 8 for pocket, 4 for painter, else 1.",
        json_schema_extra=_flag("verify-seeds"),
    )


class LoopConfig(Settings):
    """Everything that decides what a run does. Equal configs and prompts give equal runs."""

    seed: int = Field(default=0, ge=0, lt=2**31, description="Start of all seeds of the run.")
    memory: Literal["auto", "keep", "share"] = Field(
        default="auto",
        description="Who makes room between rewriting, rendering and judging: with auto what does not fit beside the "
        "others, with share all that is not needed, with keep nothing.",
    )
    review: Literal["never", "first", "always"] = Field(
        default="never", description="Lets a person edit candidates before they are rendered."
    )
    retrieve: RetrieveConfig = RetrieveConfig()
    rewrite: RewriteConfig = RewriteConfig()
    principles: PrinciplesConfig = PrinciplesConfig()
    render: RenderConfig = RenderConfig()
    draft: DraftConfig = DraftConfig()
    assess: AssessConfig = AssessConfig()
    search: SearchConfig = SearchConfig()
    select: SelectConfig = SelectConfig()
    stop: StopConfig = StopConfig()
    verify: VerifyConfig = VerifyConfig()

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if (self.principles.by == "model" or self.principles.judge_text) and self.rewrite.rewriter != "llm":
            flag = "--judge-text" if self.principles.judge_text else "--principles model"
            raise ValueError(f"{flag} asks the rewriter's model: it needs --rewriter llm")
        if self.render.renderer == "diffusers" and not self.render.model:
            raise ValueError("renderer 'diffusers' needs --model, a hub id or a folder")
        if self.render.renderer in ("server", "comfyui") and not self.render.base_url:
            raise ValueError(
                f"renderer {self.render.renderer!r} needs --render-base-url, such as http://127.0.0.1:8091"
            )
        if self.render.renderer == "comfyui" and not self.render.workflow:
            raise ValueError("renderer 'comfyui' needs --workflow, a JSON file in ComfyUI's API format")
        if self.draft.enabled and self.stop.max_renders < LEAST_DRAFT_RENDERS:
            raise ValueError(
                f"--draft needs --max-renders {LEAST_DRAFT_RENDERS} or more, found {self.stop.max_renders}: "
                "two candidates, each as a draft and in full"
            )
        if self.draft.enabled and self.search.strategy == "best_of_n":
            raise ValueError("--strategy best_of_n has one text and no leaders to render in full: leave --draft out")
        if self.assess.judge == "vlm" and not self.assess.judge_model:
            raise ValueError("judge 'vlm' needs --judge-model, a hub id or a folder")
        if self.assess.detector == "zero-shot" and not self.assess.detector_model:
            raise ValueError("detector 'zero-shot' needs --detector-model, such as google/owlv2-base-patch16-ensemble")
        if self.assess.judge == "vlm-endpoint" and not (self.assess.judge_base_url and self.assess.judge_model):
            raise ValueError("judge 'vlm-endpoint' needs --judge-base-url and --judge-model")
        return self

    @property
    def selection(self) -> Selection:
        """By what the leader is chosen, with the weights of the sources."""
        return Selection(self.assess.weights, self.select.rule, self.select.gate)

    @property
    def verify_seeds(self) -> int:
        """How many unseen seeds the verification uses: more where renders are cheap."""
        if self.verify.seeds is not None:
            return self.verify.seeds
        return {"pocket": 8, "painter": 4}.get(self.render.renderer, 1)
