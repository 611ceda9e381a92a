"""A classic model as an engine of the firmware: C behind firmware/core/model.h."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybench import extras
from tinybench.errors import BuildError, ToolMissingError
from tinybench.scratch import scratch

from .learn import REACH

ENGINE = """\
/* Written by `tinybench study classic`. */
#include <string.h>

#include "model.h"

#include "learnt.h"

#define FEATURES {features}
#define VALUES {values}

#ifndef TB_MODEL_ID
#define TB_MODEL_ID "host"
#endif
const char model_id[] = TB_MODEL_ID;
const uint32_t model_input_b = 2 * FEATURES;
uint8_t model_input[2 * FEATURES] __attribute__((aligned(4)));
const uint8_t model_input_flip = 0;
const uint32_t model_result_count = VALUES;
const uint32_t model_result_decimals = 6;
const bool model_result_rounded = true;
const uint32_t model_layer_count = 1;

static int16_t features[FEATURES];
static float values[VALUES];
{declared}
void model_load(void) {{
    memcpy(features, model_input, sizeof features);
}}

int model_infer(void) {{
{body}}}

int model_infer_layer(uint32_t index) {{
    (void)index;
    return model_infer();
}}

void model_finish(void) {{
}}

float model_result(uint32_t index) {{
    return values[index];
}}
"""
LINEAR = """\
    for (int row = 0; row < VALUES; row++) {
        float sum = biases[row];
        for (int i = 0; i < FEATURES; i++) {
            sum += weights[row][i] * (float)features[i];
        }
        values[row] = sum;
    }
    return 0;
"""
CHOSEN = """\
    if (label < 0 || label >= VALUES) {{
        return -1;
    }}
    for (int i = 0; i < VALUES; i++) {{
        values[i] = i == label ? 1.0f : 0.0f;
    }}
    return 0;
"""
UNITS = """\
    for (int i = 0; i < FEATURES; i++) {{
        units[i] = (float)features[i] / {reach}.0f;
    }}
"""


def write_engine(
    kind: str, model: Any, folder: Path, features: int, values: int, *, regression: bool
) -> None:
    """Write the sources of a trained model. Raises ToolMissingError, BuildError."""
    declared, flags = "", "-O2"
    if kind == "linear":
        learnt = _linear(model, values)
        body = LINEAR
    else:
        learnt, include = _by_emlearn(kind, model)
        flags += f" -I{include} -DEML_NEIGHBORS_MAX_CLASSES={values}"
        body = ""
        if kind == "mlp":
            declared = "static float units[FEATURES];\n"
            body = UNITS.format(reach=REACH)
        if kind == "knn":
            items = len(model._fit_X)
            declared = f"static EmlNeighborsDistanceItem distances[{items}];\n"
            body += (
                "    int16_t label = -1;\n"
                "    if (eml_neighbors_predict(&learnt, features, FEATURES, distances, "
                f"{items}, &label) != EmlOk) {{\n        return -1;\n    }}\n" + CHOSEN.format()
            )
        elif regression:
            call = "learnt_regress1(units" if kind == "mlp" else "learnt_predict(features"
            body += f"    values[0] = {call}, FEATURES);\n    return 0;\n"
        elif kind == "mlp":
            body += "    const int32_t label = learnt_predict(units, FEATURES);\n" + CHOSEN.format()
        else:
            body += "    return -learnt_predict_proba(features, FEATURES, values, VALUES);\n"
    text = ENGINE.format(features=features, values=values, declared=declared, body=body)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "engine.c").write_text(text, encoding="utf-8")
        (folder / "learnt.h").write_text(learnt, encoding="utf-8")
        (folder / "engine.mk").write_text(f"ENGINE_CFLAGS := {flags}\n", encoding="utf-8")
    except OSError as error:
        raise BuildError(f"{folder}: cannot write the model's C: {error}") from error


def _linear(model: Any, values: int) -> str:
    """Return weights [values][features] and biases, on features as they are uploaded."""
    weights = np.atleast_2d(model.coef_) / REACH
    biases = np.atleast_1d(model.intercept_)
    if len(weights) == 1 and values == 2:  # of two classes the first one is 0
        weights, biases = np.vstack([0 * weights, weights]), np.array([0.0, biases[0]])
    rows = "".join(f"    {{{_floats(row)}}},\n" for row in weights)
    return (
        f"static const float weights[{len(weights)}][{weights.shape[1]}] = {{\n{rows}}};\n"
        f"static const float biases[{len(biases)}] = {{{_floats(biases)}}};\n"
    )


def _floats(values: npt.NDArray[np.float64]) -> str:
    return ", ".join(f"{float(np.float32(value)).hex()}f" for value in values)


def _by_emlearn(kind: str, model: Any) -> tuple[str, Path]:
    """Return the header of a model, and where those are that it includes."""
    try:
        with np.errstate():  # its import makes all of NumPy raise from then on, at an underflow too
            import emlearn
    except ImportError as error:
        raise ToolMissingError(extras.missing("study classic", "emlearn", "study")) from error
    how: dict[str, Any] = {"dtype": "int16_t"}
    if kind in ("forest", "extra-trees"):
        how |= {"method": "inline"} | ({"leaf_bits": 8} if hasattr(model, "classes_") else {})
    if kind == "mlp":
        how = {"method": "inline", "dtype": "float"}
    # It compiles a program of its own for this computer as well, in a folder `tmp` wherever it is.
    with scratch() as folder, contextlib.chdir(folder):
        made = emlearn.convert(model, **how).save(name="learnt")
    return f"/* emlearn {emlearn.__version__} */\n{made}", Path(emlearn.includedir)
