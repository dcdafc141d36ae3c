"""The innermost loop of small complex matrix products, with its sums held in vector registers.

Numba vectorizes only an innermost loop, and then reads and writes the sums of a matrix product at every step. Here
the loop over the summed index is written in LLVM IR with the sums in registers, which reaches the rate of a large
zgemm from about ten terms on. Every element is summed in the order of the index by fused multiply-adds, so that its
bits depend neither on the rows and lanes of its tile nor on the machine.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from moire.kernels._jit import jit

_DOUBLE, _INT, _INT32 = ir.DoubleType(), ir.IntType(64), ir.IntType(32)


def register_tile(rows: int, lanes: int, *, conjugate: bool = False) -> Any:
    """Return a kernel that sets out[r, l] = sum_i s[r, i] v[i, l] over its rows r and lanes l, complex.

    All arrays are of float64 (the indices of int64) and contiguous, offsets are numbers of elements, and an imaginary
    part is stored at a fixed distance from its real part. The arguments of the kernel, in order:

    - first, n_terms;
    - scalars, scalar_imag, scalar_row, scalar_at: s[r, i] at ``scalar_row[first + r] + scalar_at[i]``;
    - vectors, vector_imag, vector_at, vector_start: v[i, 0] at ``vector_start + vector_at[i]``, other lanes after it;
    - out, out_imag, out_row, out_start: out[r, 0] at ``out_row[first + r] + out_start``, other lanes after it.

    Parameters
    ----------
    rows, lanes
        Size of the tile.
    conjugate
        Use the complex conjugates of v. If v is a Hermitian matrix read along its rows, the result has the same bits
        as the product of the matrix with s.
    """
    lane = ir.VectorType(_DOUBLE, lanes)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def value(index: int) -> Any:
            if isinstance(signature.args[index], types.Array):
                return context.make_array(signature.args[index])(context, builder, arguments[index]).data
            return context.cast(builder, arguments[index], signature.args[index], types.int64)

        (
            first, n_terms, scalars, scalar_imag, scalar_row, scalar_at, vectors, vector_imag, vector_at, vector_start,
            out, out_imag, out_row, out_start,
        ) = (value(index) for index in range(14))  # fmt: skip
        fused = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(lane, [lane] * 3), f"llvm.fma.v{lanes}f64"
        )
        undefined = ir.Constant(lane, ir.Undefined)
        zeros = ir.Constant(ir.VectorType(_INT32, lanes), [0] * lanes)

        def at(pointer: Any, *offsets: Any) -> Any:
            for offset in offsets:
                pointer = builder.gep(pointer, [offset])
            return pointer

        def load(pointer: Any) -> Any:
            return builder.load(builder.bitcast(pointer, lane.as_pointer()), align=8)

        def store(values: Any, pointer: Any) -> None:
            builder.store(values, builder.bitcast(pointer, lane.as_pointer()), align=8)

        def spread(pointer: Any) -> Any:
            one = builder.insert_element(undefined, builder.load(pointer), ir.Constant(_INT32, 0))
            return builder.shuffle_vector(one, undefined, zeros)

        row_starts = [at(scalars, builder.load(at(scalar_row, first, ir.Constant(_INT, row)))) for row in range(rows)]
        before = builder.basic_block
        test, body, after = (builder.append_basic_block(name) for name in ("tile.test", "tile.body", "tile.after"))
        builder.branch(test)

        builder.position_at_end(test)
        term = builder.phi(_INT)
        sums = [builder.phi(lane) for _ in range(2 * rows)]
        builder.cbranch(builder.icmp_signed("<", term, n_terms), body, after)

        builder.position_at_end(body)
        start = at(vectors, vector_start, builder.load(at(vector_at, term)))
        real, imag = load(start), load(at(start, vector_imag))
        minus = builder.fneg(imag)
        if conjugate:
            imag, minus = minus, imag
        offset = builder.load(at(scalar_at, term))
        updated = []
        for row in range(rows):
            s_real = at(row_starts[row], offset)
            s_imag = spread(at(s_real, scalar_imag))
            s_real, sums_imag = spread(s_real), sums[2 * row + 1]
            updated.append(builder.call(fused, [s_imag, minus, builder.call(fused, [s_real, real, sums[2 * row]])]))
            cross = [(s_real, imag), (s_imag, real)]  # in the order of the factors after their exchange
            for scalar, other in reversed(cross) if conjugate else cross:
                sums_imag = builder.call(fused, [scalar, other, sums_imag])
            updated.append(sums_imag)
        following = builder.add(term, ir.Constant(_INT, 1))
        builder.branch(test)

        term.add_incoming(ir.Constant(_INT, 0), before)
        term.add_incoming(following, body)
        for total, new in zip(sums, updated, strict=True):
            total.add_incoming(ir.Constant(lane, [0.0] * lanes), before)
            total.add_incoming(new, body)

        builder.position_at_end(after)
        for row in range(rows):
            place = at(out, out_start, builder.load(at(out_row, first, ir.Constant(_INT, row))))
            store(sums[2 * row], place)
            store(sums[2 * row + 1], at(place, out_imag))
        return context.get_dummy_value()

    @intrinsic
    def tile(
        _typing_context, first, n_terms, scalars, scalar_imag, scalar_row, scalar_at,
        vectors, vector_imag, vector_at, vector_start, out, out_imag, out_row, out_start,
    ):  # fmt: skip
        given = (
            first, n_terms, scalars, scalar_imag, scalar_row, scalar_at,
            vectors, vector_imag, vector_at, vector_start, out, out_imag, out_row, out_start,
        )  # fmt: skip
        return types.void(*given), generate

    return tile


def by_fours(lanes: int, *, conjugate: bool = False) -> Any:
    """Return a kernel for the rows ``first`` to ``last``: four at a time, then two, then one.

    Its arguments are ``first, last, n_terms, ...`` as in :func:`register_tile`.
    """
    one, two, four = (register_tile(rows, lanes, conjugate=conjugate) for rows in (1, 2, 4))

    @jit(inline=True)
    def multiply(first, last, *operands):
        row = first
        while row + 4 <= last:
            four(row, *operands)
            row += 4
        if row + 2 <= last:
            two(row, *operands)
            row += 2
        if row < last:
            one(row, *operands)

    return multiply
