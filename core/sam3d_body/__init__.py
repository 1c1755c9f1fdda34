"""SAM 3D Body: each person's pose, hands and place in 3D from single frames, for a clip's initial motion.

The network is that of Yang et al., "SAM 3D Body: Robust Full-Body Human Mesh Recovery" (2025). Its weights come under the SAM
License and never ship with this product: a user fetches them once (`core.hub`). The code here is written from the architecture.
"""
