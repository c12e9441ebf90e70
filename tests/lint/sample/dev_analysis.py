"""Looking at embeddings after training."""

import json

import numpy as np
import torch
from scipy.spatial.distance import cdist, pdist
from torch.nn.functional import pairwise_distance

import tvae
from tvae import geometry


def load_points(path):
    model = tvae.load(path)
    return model.embed(np.arange(model.space.size)).numpy()


def report(path):
    points = load_points(path)
    norms = np.linalg.norm(points, axis=1)  # expect: G001
    radii = geometry.radius(torch.from_numpy(points)).numpy()  # expect: clean
    nearest = cdist(points, points[:10]).argmin(axis=1)  # expect: G002
    condensed = pdist(points)  # expect: G002
    print(json.dumps({"norm": float(norms.mean()), "radius": float(radii.mean())}))
    return nearest, condensed


def directions(path):
    points = load_points(path)
    return points / np.linalg.norm(points, axis=1, keepdims=True)  # expect: clean


def levels(path, valuation):
    points = load_points(path)
    means = []
    for v in np.unique(valuation):
        mine = points[valuation == v]
        means.append(np.sqrt((mine**2).sum(axis=1)).mean())  # expect: G001
    return means


def declared(path):
    points = load_points(path)
    return {
        "mean_radius_euclidean": float(np.linalg.norm(points, axis=1).mean()),  # norm: euclidean-ok reported as such
        "bad_comment": float(np.linalg.norm(points, axis=1).std()),  # norm: euclidean-ok # expect: G001 G008
    }


def stale(values):
    return np.abs(values).max()  # norm: euclidean-ok the values are in the ball # expect: G009


def pairs(a, b):
    x, y = geometry.expmap0(a), geometry.expmap0(b)
    flat = pairwise_distance(x, y)  # expect: G002
    return flat, geometry.distance(x, y)  # expect: clean


def tangent_norms(path):
    v = geometry.logmap0(torch.from_numpy(load_points(path)))
    lengths = v.norm(dim=-1)  # expect: clean
    again = geometry.radius(v)  # expect: G005
    return lengths, again


def on_the_rim(x):
    unit = torch.nn.functional.normalize(torch.randn(8, 4), dim=-1)
    return geometry.distance(unit, geometry.expmap0(x))  # expect: G005


def clusters(path, k):
    from sklearn.cluster import KMeans

    return KMeans(k).fit_predict(load_points(path))  # expect: G002
