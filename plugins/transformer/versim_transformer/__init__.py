"""Training steps of transformers as Megatron-LM, FSDP and nanotron run them, with their memory."""
