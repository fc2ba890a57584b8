"""Training: losses and the stages that fit a component (regression, autoencoder, denoiser)."""
