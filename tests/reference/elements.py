"""Two-body elements in the notation of one band."""


def one_band(problem):
    """W[k1, k2, d] of H_int = 1/2 sum W c^+_k1 c^+_k2 c_{k2-d} c_{k1+d} for one band of one flavour."""
    return problem.two_body_elements()[0, :, 0, 0, 0, :, 0, 0, :]
