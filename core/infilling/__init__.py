"""The infiller: diffusion over both people's motion, as a residual to the initial one, guided by the energies of the fit."""
