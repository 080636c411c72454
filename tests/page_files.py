# SPDX-License-Identifier: BSD-3-Clause
"""page_files.py - the files that programs of docs/ read, for test_pages.py, and what others make of them."""
import os
import re
import sys
import warnings


def write_t2m(directory):
    """Three files of 30 days, packed, with missing elements. All is made of integers, so all machines make the same."""
    try:
        import netCDF4
        import numpy as np
    except ImportError as why:
        print(f"skipped: {why} (packages.txt has what is needed)")
        sys.exit(77)
    row, column = np.arange(36)[:, None], np.arange(72)[None, :]
    for part in range(3):
        with netCDF4.Dataset(os.path.join(directory, f"t2m_{part:02}.nc"), "w") as f:
            for name, extent in ("time", None), ("lat", 36), ("lon", 72):
                f.createDimension(name, extent)
            f.createVariable("lat", "f4", ("lat",))[:] = np.arange(36) * 5 - 87.5
            time = f.createVariable("time", "f8", ("time",))
            time.units = "days since 2000-01-01"
            time[:] = np.arange(30) + 30 * part
            t2m = f.createVariable("t2m", "i2", ("time", "lat", "lon"), zlib=True, chunksizes=(1, 36, 72), fill_value=-32767)
            t2m.setncatts({"scale_factor": 0.01, "add_offset": 273.15, "units": "K"})
            t2m.set_auto_maskandscale(False)
            for i in range(30):
                day = i + 30 * part
                packed = 2300 - 5 * (2 * row - 35) ** 2 + (37 * day + 11 * row * row + 101 * column * (day + 1)) % 1001
                packed[(row + 7 * column + 5 * day) % 101 == 0] = -32767
                t2m[i] = packed


def same_as_xarray(code, directory, printed):
    """What the Python code prints is in the program's last line, but for sums of float32 in another order."""
    try:
        import dask  # noqa: F401 (open_mfdataset needs it)
        import xarray
    except ImportError as why:
        print(f"not compared with xarray: {why}")
        return
    found, before = [], os.getcwd()
    os.chdir(directory)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(code, {"xr": xarray, "print": lambda *values: found.extend(float(v) for v in values)})
    os.chdir(before)
    ours = [float(text) for text in re.findall(r"-?\d+\.\d+", printed.splitlines()[-1])]
    if len(found) != len(ours) or any(abs(one - other) > 1e-3 for one, other in zip(found, ours)):
        sys.exit(f"xarray prints {found}, the program {ours}")


# What a page's programs find where they run, and what its Python code is held against; by its name.
PAGES = {"from-xarray.md": (write_t2m, same_as_xarray)}


def write(page, directory):
    """The page's files."""
    if os.path.basename(page) in PAGES:
        PAGES[os.path.basename(page)][0](directory)


def compare(page, code, directory, printed):
    """The page's Python code with what the program before it has printed."""
    if os.path.basename(page) in PAGES:
        PAGES[os.path.basename(page)][1](code, directory, printed)
