"""Sequential Monte Carlo as a `custom_generate` folder; see the README beside this folder."""

from smc.integrations.hf_folder import generate_by_name


def generate(model, **arguments):
    """Run `model.generate` with the sampler that the arguments describe."""
    return generate_by_name(model, arguments)
