"""What scikit-learn's scalers learn from a small table with a constant column and missing cells, and make of it.

Numbers are float64 throughout; null is a missing cell.
"""

import numpy
import sklearn
from golden import generator, write_json
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

SCALERS = {
    "standard": StandardScaler(), "minMax": MinMaxScaler(), "minMaxWide": MinMaxScaler(feature_range=(-3.0, 5.0)),
    "robust": RobustScaler(), "robustWide": RobustScaler(quantile_range=(10.0, 90.0)), "maxAbs": MaxAbsScaler(),
}


def table():
    random = generator("scalers")
    columns = [
        random.standard_normal(61), 1000 + random.standard_normal(61), numpy.full(61, 2.5), numpy.zeros(61),
        random.exponential(3.0, 61), random.integers(0, 4, 61).astype(float),
    ]
    columns[4][[3, 17, 40]] = numpy.nan
    return numpy.stack(columns, axis=1)


def plain(array):
    return [[None if numpy.isnan(x) else float(x) for x in row] for row in numpy.atleast_2d(array)]


X = table()
write_json("scalers", {
    "peer": f"scikit-learn {sklearn.__version__}", "table": plain(X),
    "scaled": {name: plain(scaler.fit_transform(X)) for name, scaler in SCALERS.items()},
    "scale": {
        "standard": SCALERS["standard"].scale_.tolist(), "robust": SCALERS["robust"].scale_.tolist(),
        "maxAbs": SCALERS["maxAbs"].scale_.tolist(),
    },
})
