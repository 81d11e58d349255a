"""Networks on volumes of serial sections (Jain, "Adversarial Image Alignment and Interpolation"): generators, discriminator."""
