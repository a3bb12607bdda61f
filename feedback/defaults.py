"""Models on the hub that sources use unless told otherwise."""

SIMILARITY_MODEL = "openai/clip-vit-base-patch32"
CONSISTENCY_MODEL = "facebook/dinov2-base"
REWARD_MODEL = "TIGER-Lab/VideoScore2"
