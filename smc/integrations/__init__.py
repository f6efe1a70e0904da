"""This sampler inside other people's generators."""
