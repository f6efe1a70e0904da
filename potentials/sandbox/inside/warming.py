"""Warming up: what libraries put off until they are first used, done before the first run."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings

_TWICE = 3
"""Times each text is run: the interpreter adapts its code to its use, which writes to memory."""

_FIRST_USE = {
    "numpy": """
import numpy as np
a = np.arange(12.0).reshape(3, 4)
(a @ a.T).sum(axis=0).mean(); np.linalg.inv(np.eye(2)); np.sort(a.ravel())[::-1]; str(a), repr(a)
np.where(a > 3, a, 0); np.concatenate([a, a]); np.unique(a); np.allclose(a, a); a.astype(int)
""",
    "pandas": """
import pandas as pd
import numpy as np
d = pd.DataFrame({"a": [1, 2, 2], "b": [0.5, None, 1.5], "c": list("xyz")})
d["e"] = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-02-01"])
d.groupby("a").b.sum().sum(); d.groupby("a").agg({"b": ["mean", "max"]})
d.groupby("a").b.apply(len)
d.merge(d, on="a"); pd.concat([d, d]).reset_index(drop=True); d.sort_values("b").head()
d.pivot_table(index="a", columns="c", values="b"); d.fillna(0).isna().any(); d.describe()
d.loc[d.a > 1, "b"]; d.iloc[0]; d.c.str.upper(); d.e.dt.month; d.apply(lambda r: r.a, axis=1)
d.c.map({"x": 1}); d.drop(columns="b"); d.set_index("a").T; d.values; repr(d); d.to_string()
d.melt(id_vars="a", value_vars=["b"]); d.a.value_counts(); d.equals(d.copy()); d.dtypes
d.to_csv(index=False); pd.read_csv(__import__("io").StringIO("p,q\\n1,2\\n"))
pd.testing.assert_frame_equal(d, d); pd.Series([1, 2]).rolling(2).sum()
""",
    "scipy": "import scipy.sparse, scipy.stats, scipy.optimize, scipy.interpolate",
    "matplotlib.pyplot": """
import io
import matplotlib.pyplot as plt
plt.plot([1, 2], label="a"); plt.title("t"); plt.legend(); plt.savefig(io.BytesIO())
plt.close("all")
""",
}


def warm_up() -> None:
    """Use what was imported a little; what fails is left to the programs."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for name, text in _FIRST_USE.items():
            if name in sys.modules:
                for line in [text] * _TWICE:
                    try:
                        exec(compile(line, f"<warming {name}>", "exec"), {"__name__": "warming"})
                    except Exception:
                        break
