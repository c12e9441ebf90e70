"""What names say: of variables and keys, of functions, of modules, and of parameters in docstrings."""

from __future__ import annotations

import ast
import re

from tvae.lint.values import BALL, FREE, UNKNOWN, Kind, Value

#: Exponential maps, Moebius operations and projections: they return ball points.
PRODUCERS = {
    "exp0", "exp_map", "exp_map0", "exp_map_from_origin", "exp_map_zero", "expmap", "expmap0",
    "expmap_zero", "mobius_add", "mobius_fn_apply", "mobius_matvec", "mobius_scalar_mul", "mobius_sub",
    "poincare_project", "project_to_ball", "project_to_poincare", "projx", "retr", "to_ball",
    "to_poincare",
}  # fmt: skip
#: The same where the receiver or the import says that a ball is meant.
PRODUCERS_OF_BALL = {
    "from_polar",
    "point",
    "points",
    "proj",
    "project",
    "random",
    "random_normal",
    "weighted_midpoint",
}
#: Logarithmic maps: they return tangent vectors.
LOGARITHMS = {"log0", "log_map", "log_map0", "log_map_zero", "logmap", "logmap0", "logmap_zero"}
#: Operations that are defined on ball points only, and how many of them they take.
CONSUMERS = {
    **dict.fromkeys(
        ("dist0", "hyperbolic_radii", "hyperbolic_radius", "poincare_radii", "poincare_radius"), 1
    ),
    **dict.fromkeys(("log0", "log_map0", "log_map_zero", "logmap0", "logmap_zero"), 1),
    **dict.fromkeys(
        (
            "compute_poincare_distance", "geodesic_distance", "hyp_dist", "hyp_distance", "hyperbolic_dist",
            "hyperbolic_distance", "poincare_dist", "poincare_distance", "poincare_distance_matrix",
            "poincare_distance_np", "poincare_pairwise_distance",
        ),
        2,
    ),
}  # fmt: skip
CONSUMERS_OF_BALL = {"dist": 2, "distance": 2, "log_map": 2, "logmap": 2, "pairwise_distance": 2, "radius": 1}
CONFORMAL = {"_lambda_x", "conformal_factor", "lambda_x", "lambda_x0"}

FREE_MODULES = {
    "BatchNorm1d", "Bilinear", "Conv1d", "Conv2d", "GRU", "LSTM", "LayerNorm", "LazyLinear", "Linear",
    "Sequential", "TransformerEncoder",
}  # fmt: skip
LOSS_MODULES = {
    "CosineEmbeddingLoss": "cosine_embedding_loss",
    "CosineSimilarity": "cosine_similarity",
    "HuberLoss": "huber_loss",
    "L1Loss": "l1_loss",
    "MSELoss": "mse_loss",
    "PairwiseDistance": "pairwise_distance",
    "SmoothL1Loss": "smooth_l1_loss",
    "TripletMarginLoss": "triplet_margin_loss",
}
ESTIMATORS = {
    "AgglomerativeClustering", "DBSCAN", "HDBSCAN", "KMeans", "KNeighborsClassifier",
    "KNeighborsRegressor", "MiniBatchKMeans", "NearestNeighbors", "TSNE",
}  # fmt: skip
BALLS = {"PoincareBall", "PoincareBallExact", "PoincareDisk", "PoincareManifold"}

LIBRARIES = ("torch", "numpy", "jax", "scipy", "sklearn", "math")
_GEOMETRIC = re.compile(
    r"geoopt|hyperb|hypll|poincar|stereographic|tvae\.geometry|manifold|\bball|\bpolar\b", re.I
)
_OTHER_SPACES = re.compile(r"euclid|hyperboloid|lorentz|spher|stiefel", re.I)
_TOPIC = re.compile(r"exp_?map|geoopt|hyp_|hyperbolic|hypll|poincar|tvae", re.I)

_BALL_NAME = re.compile(r"(?:^|_)(?:hyp|hyperbolic|poincare|ball)(?:_[A-Za-z0-9])?$")
_BALL_PREFIX = re.compile(
    r"^(?:hyp|hyperbolic|poincare)_(?:coords?|coordinates|emb\w*|features?|latents?|points?|repr\w*|vecs?|vectors?|x|z)$"
)
_SCALAR_NAME = re.compile(
    r"^(?:[cdknr]|acc|corr|curvature|d[a-z]*|dim|dist\w*|has|idx|in|is|kl|lambda|loss|lr|manifold|mask"
    r"|n|name|nll|no|norms?|num|only|path|r[a-z]*|radi\w*|scale|score|space|std|sigma|to|use|var|w|weight|with)_"
)
_FREE_NAME = re.compile(
    r"(?:^|_)(?:euc|euclidean)$|^(?:z_)?mu(?:_[A-Za-z0-9])?$|^latents?$|^z_(?:euc|mu)\w*$"
)
_MANIFOLD_NAME = re.compile(r"^_?(?:\w+_)?(?:ball|manifold|poincare|pball|pmath|gmath)$")
_MODEL_NAME = re.compile(r"^(?:\w+_)?(?:model|vae)$")
_BOUND_NAME = re.compile(
    r"bound|eps|limit|max_?norm|max_?rad|maxnorm|margin|rim|rho|r_max|tiny|tol|boundary", re.I
)
_CURVATURE_NAME = re.compile(r"^_?(?:c|k|curv|curvature|sqrt_c|root|ball_radius)$")
_POINTS = re.compile(r"(?:points?|embeddings?|codes?|latents?)\b.*\b(?:ball|disk)\b|\bball points?\b", re.I)
_NO_POINTS = re.compile(
    r"tangent|unbounded|euclid|radi(?:us|i) of|norm|curvature|outside|number of|\bany\b", re.I
)


def speaks_of_balls(source: str) -> bool:
    """Whether a file has to do with hyperbolic space; names such as `_ball` mean something only then."""
    return bool(_TOPIC.search(source))


def by_name(name: str, *, topical: bool = True) -> Value:
    """What the name of a variable, an attribute or a key says about a value that nothing else is known of."""
    if _BALL_NAME.search(name) and not _SCALAR_NAME.match(name):
        if "_" not in name.strip("_"):
            return (
                Value(Kind.MANIFOLD, ref="ball")
                if topical and name.lstrip("_") in ("ball", "poincare")
                else UNKNOWN
            )
        return BALL if topical or "hyp" in name or "poincare" in name else UNKNOWN
    if _BALL_PREFIX.match(name):
        return BALL
    if _FREE_NAME.search(name) and not _SCALAR_NAME.match(name):
        return FREE
    if topical and _MANIFOLD_NAME.match(name):
        return Value(Kind.MANIFOLD, ref="ball")
    if topical and _MODEL_NAME.match(name):
        return Value(Kind.MODULE, ref="model")
    return UNKNOWN


def by_annotation(annotation: ast.expr | None) -> Value:
    """What an annotation says."""
    if annotation is None:
        return UNKNOWN
    text = ast.unparse(annotation)
    if any(name in text for name in BALLS):
        return Value(Kind.MANIFOLD, ref="ball")
    if re.search(r"poincar|ball", text, re.I) and re.search(r"point|tensor|array|embedding", text, re.I):
        return BALL
    return UNKNOWN


def described(docstring: str) -> dict[str, Value]:
    """The parameters that a docstring calls points of the ball (Google, Sphinx and NumPy styles)."""
    found = {}
    for match in re.finditer(r"^[ \t]*(?::param +)?(\w+) *(?:\([^)]*\))? *: *(\S.*)", docstring, re.M):
        name, text = match.groups()
        if _POINTS.search(text) and not _NO_POINTS.search(text):
            found[name] = BALL
    return found


def returns_points(docstring: str) -> bool:
    """Whether a docstring says that points of the ball are returned."""
    match = re.search(r"(?:Returns?:|:returns?:)\s*(.+)", docstring)
    return bool(match and _POINTS.search(match[1]) and not _NO_POINTS.search(match[1]))


def geometric(dotted: str) -> bool:
    """Whether a module or a receiver is one of the ball's."""
    return bool(_GEOMETRIC.search(dotted)) and not _OTHER_SPACES.search(dotted)


def other_space(dotted: str) -> bool:
    """Whether a name is that of a space in which points have other coordinates."""
    return bool(_OTHER_SPACES.search(dotted))


def is_bound(node: ast.expr) -> bool:
    """Whether an expression is a bound that the ball sets to norms: 0.95, max_norm, 1 / sqrt(c), eps."""
    number = literal(node)
    if number is not None:
        return 0.9 <= abs(number) <= 1.1 or abs(number) <= 1e-3
    names = [name for one in ast.walk(node) if (name := _name(one))]
    return any(_BOUND_NAME.search(name) or _CURVATURE_NAME.match(name) for name in names)


def is_tiny(node: ast.expr) -> bool:
    """Whether an expression only keeps a division from dividing by zero."""
    number = literal(node)
    if number is not None:
        return abs(number) <= 1e-3
    return any(
        "eps" in name.lower() or "tiny" in name.lower() for one in ast.walk(node) if (name := _name(one))
    )


def is_curvature(node: ast.expr) -> bool:
    """Whether an expression is 1 or made of the curvature, as the first term of 1 - c |x|^2 is."""
    number = literal(node)
    if number is not None:
        return number == 1.0
    names = [name for one in ast.walk(node) if (name := _name(one))]
    return bool(names) and any(_CURVATURE_NAME.match(name) for name in names)


def literal(node: ast.expr) -> float | None:
    """The number that an expression is written as."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = literal(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        left, right = literal(node.left), literal(node.right)
        if left is None or right is None:
            return None
        return left + right if isinstance(node.op, ast.Add) else left - right
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and node.value is not True:
        return float(node.value)
    return None


def _name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None
