"""The inverse error function as XLA computes it: Giles, "Approximating the erfinv function" (2010).

PyTorch and TensorFlow approximate it in other ways, up to 91 units in the last place apart, or worse.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Pieces = tuple[tuple[float, float, tuple[float, ...]], ...]


def inverse_error(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns the inverse error function of an array of float32 or float64 between -1 and 1, in its own precision."""
    kind = x.dtype.type
    w = -_logarithm_of_1_plus(-x * x)
    (_, shift, coefficients), *tails = PIECES[x.dtype.name]
    values = _polynomial(w - kind(shift), coefficients)
    for begin, shift, coefficients in tails:
        tail = np.flatnonzero(w >= kind(begin))
        if len(tail):
            values[tail] = _polynomial(np.sqrt(w[tail]) - kind(shift), coefficients)
    values *= x
    return values


def _logarithm_of_1_plus(z: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns log(1 + z) for z from -1 to 0.

    In float64 XLA takes the polynomials of Cephes (`log1p.c`) farther than they are made for, with an error of up to
    128 units in the last place: NumPy's is nearer to the truth, and not the same.
    """
    if z.dtype != np.float64:
        near: npt.NDArray[Any] = np.log1p(z)
        return near
    square = z * z
    ratio = np.polyval(_CEPHES[0], z) / np.polyval(_CEPHES[1], z)
    small = z + (-0.5 * square + z * (square * ratio))
    result: npt.NDArray[Any] = np.where(z > 1 - math.sqrt(2), small, np.log1p(z))
    return result


def _polynomial(w: npt.NDArray[Any], coefficients: tuple[float, ...]) -> npt.NDArray[Any]:
    values = np.full_like(w, coefficients[0])
    for coefficient in coefficients[1:]:
        values *= w
        values += w.dtype.type(coefficient)
    return values


PIECES: dict[str, Pieces] = {
    "float32": (
        (
            0.0,
            2.5,
            (
                2.81022636e-08,
                3.43273939e-07,
                -3.5233877e-06,
                -4.39150654e-06,
                0.00021858087,
                -0.00125372503,
                -0.00417768164,
                0.246640727,
                1.50140941,
            ),
        ),
        (
            5.0,
            3.0,
            (
                -0.000200214257,
                0.000100950558,
                0.00134934322,
                -0.00367342844,
                0.00573950773,
                -0.0076224613,
                0.00943887047,
                1.00167406,
                2.83297682,
            ),
        ),
    ),
    "float64": (
        (
            0.0,
            3.125,
            (
                -3.6444120640178196996e-21,
                -1.685059138182016589e-19,
                1.2858480715256400167e-18,
                1.115787767802518096e-17,
                -1.333171662854620906e-16,
                2.0972767875968561637e-17,
                6.6376381343583238325e-15,
                -4.0545662729752068639e-14,
                -8.1519341976054721522e-14,
                2.6335093153082322977e-12,
                -1.2975133253453532498e-11,
                -5.4154120542946279317e-11,
                1.051212273321532285e-09,
                -4.1126339803469836976e-09,
                -2.9070369957882005086e-08,
                4.2347877827932403518e-07,
                -1.3654692000834678645e-06,
                -1.3882523362786468719e-05,
                0.0001867342080340571352,
                -0.00074070253416626697512,
                -0.0060336708714301490533,
                0.24015818242558961693,
                1.6536545626831027356,
            ),
        ),
        (
            6.25,
            3.25,
            (
                2.2137376921775787049e-09,
                9.0756561938885390979e-08,
                -2.7517406297064545428e-07,
                1.8239629214389227755e-08,
                1.5027403968909827627e-06,
                -4.013867526981545969e-06,
                2.9234449089955446044e-06,
                1.2475304481671778723e-05,
                -4.7318229009055733981e-05,
                6.8284851459573175448e-05,
                2.4031110387097893999e-05,
                -0.0003550375203628474796,
                0.00095328937973738049703,
                -0.0016882755560235047313,
                0.0024914420961078508066,
                -0.0037512085075692412107,
                0.005370914553590063617,
                1.0052589676941592334,
                3.0838856104922207635,
            ),
        ),
        (
            16.0,
            5.0,
            (
                -2.7109920616438573243e-11,
                -2.5556418169965252055e-10,
                1.5076572693500548083e-09,
                -3.7894654401267369937e-09,
                7.6157012080783393804e-09,
                -1.4960026627149240478e-08,
                2.9147953450901080826e-08,
                -6.7711997758452339498e-08,
                2.2900482228026654717e-07,
                -9.9298272942317002539e-07,
                4.5260625972231537039e-06,
                -1.9681778105531670567e-05,
                7.5995277030017761139e-05,
                -0.00021503011930044477347,
                -0.00013871931833623122026,
                1.0103004648645343977,
                4.8499064014085844221,
            ),
        ),
    ),
}
"""For each type the pieces of the function: where each begins (as -log(1 - x * x)), its shift, and its coefficients."""

_CEPHES = (
    (
        4.5270000862445199635215e-5,
        4.9854102823193375972212e-1,
        6.5787325942061044846969,
        2.9911919328553073277375e1,
        6.0949667980987787057556e1,
        5.7112963590585538103336e1,
        2.0039553499201281259648e1,
    ),
    (
        1.0,
        1.5062909083469192043167e1,
        8.3047565967967209469434e1,
        2.2176239823732856465394e2,
        3.0909872225312059774938e2,
        2.1642788614495947685003e2,
        6.0118660497603843919306e1,
    ),
)
