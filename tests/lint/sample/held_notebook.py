"""What a notebook exports: cells at module level, numpy and torch mixed."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from numpy.linalg import norm
from sklearn.metrics import silhouette_score
from sklearn.neighbors import NearestNeighbors

from ours.checkpoints import restore
from ours.hyperbolic import exp_map_zero, hyperbolic_radius, log_map_zero, poincare_distance

ckpt = restore("runs/best")
model, data = ckpt["model"], ckpt["data"]

# In[2]
with torch.no_grad():
    out = model(data)
z_hyp = out["z_hyp"].cpu().numpy()
z_euc = out["mu"].cpu().numpy()

# In[3]
r = norm(z_hyp, axis=1)  # expect: G001
plt.hist(r, bins=50)
r_true = hyperbolic_radius(torch.tensor(z_hyp))  # expect: clean
plt.hist(r_true, bins=50)
plt.hist(norm(z_euc, axis=1), bins=50)  # expect: clean

# In[4]
x, y = z_hyp[:100], z_hyp[100:200]
d_flat = np.sqrt(((x[:, None] - y[None]) ** 2).sum(-1))  # expect: G002
d_true = poincare_distance(torch.tensor(x), torch.tensor(y))  # expect: clean
d_wrong = poincare_distance(out["mu"][:100], out["mu"][100:200])  # expect: G005
plt.scatter(d_flat.ravel(), d_flat.ravel())

# In[5]
knn = NearestNeighbors(n_neighbors=5).fit(z_hyp)  # expect: G002
print(silhouette_score(z_hyp, data.labels))  # expect: G002

# In[6]
unit = z_hyp / norm(z_hyp, axis=1, keepdims=True)  # expect: clean
angles = np.arctan2(unit[:, 1], unit[:, 0])
plt.hist(angles)

# In[7]
v = log_map_zero(out["z_hyp"])
print("tangent", v.norm(dim=-1).mean(), v.mean(0))  # expect: clean
lazy = hyperbolic_radius(v)  # expect: G005
noise = torch.randn(64, 16)
samples = exp_map_zero(noise)
fresh = hyperbolic_radius(noise)  # expect: G005
kept = samples[samples.norm(dim=-1) < 0.95]  # expect: clean
inner = samples[samples.norm(dim=-1) < 0.3]  # expect: G001

# In[8]
frames = [exp_map_zero(noise * t) for t in torch.linspace(0, 1, 8)]
path = torch.stack(frames)
steps = (path[1:] - path[:-1]).norm(dim=-1)  # expect: G002
print(f"longest step {steps.max():.3f}")
print(f"inside {(1 - path.pow(2).sum(-1)).min():.3e}")  # expect: clean
best = {"radius": np.linalg.norm(z_hyp[0]), "index": 0}  # expect: G001

# In[9]
for name, points in {"hyp": z_hyp, "euc": z_euc}.items():
    print(name, np.abs(points).max())  # expect: clean


def legend(points_ball, labels):
    centres = {c: points_ball[labels == c].mean(axis=0) for c in set(labels)}  # expect: G004
    return {c: (m, norm(m)) for c, m in centres.items()}  # expect: G001
