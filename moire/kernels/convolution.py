"""Elements of a density matrix in plane waves, arranged by their difference of momenta, and back."""

from moire.kernels._jit import jit


@jit()
def gather(values, base, place, n_waves, out):
    """out[l l', place] = P(l G, l' G'), for pairs (G, G') of one difference of momenta and all layers.

    Parameters
    ----------
    values : complex, flat, (k, layer x wave, layer x wave)
    base : int (pair,), index of the element of a pair in the first layer
    place : int (pair,), place of the momentum k + G in the box
    n_waves : waves of a layer
    out : complex (layer x layer, box), zero on entry
    """
    dimension = 2 * n_waves
    for i in range(len(base)):
        for first in range(2):
            for second in range(2):
                out[2 * first + second, place[i]] = values[base[i] + (first * dimension + second) * n_waves]


@jit()
def scatter(box, base, place, n_waves, is_hermitian, out):
    """Inverse of `gather`; the conjugate is written to the mirrored element too if the matrix is Hermitian.

    Parameters
    ----------
    box : complex (layer x layer, box)
    base, place, n_waves : as in `gather`
    is_hermitian : whether only half of the differences are listed
    out : complex, flat, (k, layer x wave, layer x wave)
    """
    dimension = 2 * n_waves
    for i in range(len(base)):
        rest = base[i] % (dimension * dimension)
        start, g, h = base[i] - rest, rest // dimension, rest % dimension
        for first in range(2):
            for second in range(2):
                value = box[2 * first + second, place[i]]
                m, n = first * n_waves + g, second * n_waves + h
                out[start + m * dimension + n] = value
                if is_hermitian:
                    out[start + n * dimension + m] = value.conjugate()
