"""Who may hold the accelerator's memory while prompts are rewritten, videos rendered and judged."""
